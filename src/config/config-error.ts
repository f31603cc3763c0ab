/** Settings the bot cannot start with: every mistake at once, each naming the setting and what would be right, none showing a secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(
      mistakes.length === 1
        ? mistakes.join()
        : `${mistakes.length} settings are wrong:\n${mistakes.map((line) => `- ${line}`).join("\n")}`,
    );
    this.mistakes = mistakes;
  }
}
