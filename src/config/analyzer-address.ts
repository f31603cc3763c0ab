import { type Config, type Option, type OptionName, optionEntries, options } from "./options.ts";

/** The setting that says where an analyzer is; a name that no setting belongs to is that of a command. */
export function addressOption(analyzer: string): readonly [OptionName, Option] {
  return optionEntries.find(([, { neededBy }]) => neededBy === analyzer) ?? ["commandsFile", options.commandsFile];
}

/** Where the chosen analyzers are, by name: their setting, and the `host[:port]` in it. The bot's own work needs neither. */
export function analyzerAddresses(
  config: Config,
): Readonly<Record<string, { readonly setting: string; readonly host?: string }>> {
  const elsewhere = config.analyzers.filter((name) => name !== "packages" && name !== "none");
  return Object.fromEntries(
    elsewhere.map((name) => {
      const [option, { env }] = addressOption(name);
      const host = option === "commandsFile" ? undefined : hostOf(config[option]);
      return [name, { setting: env, ...(host !== undefined && { host }) }];
    }),
  );
}

/** The host of an endpoint, which may come without a scheme. */
function hostOf(endpoint: unknown): string | undefined {
  return typeof endpoint === "string" ? endpoint.replace(/^https?:\/\//i, "").split("/")[0] : undefined;
}
