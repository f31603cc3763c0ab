/** Settings the bot cannot start with: all mistakes at once. Each names the setting and what is expected, without secrets. */
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
