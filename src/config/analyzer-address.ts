import { type Config, type Option, type OptionName, optionEntries, options } from "./options.ts";

/** The setting with an analyzer's address. A name without such a setting is a command. */
export function addressOption(analyzer: string): readonly [OptionName, Option] {
  return optionEntries.find(([, { neededBy }]) => neededBy === analyzer) ?? ["commandsFile", options.commandsFile];
}

/** The addresses of the chosen analyzers, by name: their setting and its `host[:port]`. What the bot does itself has none. */
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

/** The host of an endpoint with or without a scheme. */
function hostOf(endpoint: unknown): string | undefined {
  return typeof endpoint === "string" ? endpoint.replace(/^https?:\/\//i, "").split("/")[0] : undefined;
}
