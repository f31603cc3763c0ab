import { parseDatabaseUrl, withDatabaseCa } from "../../core/hosts/database-url.ts";
import { readPushSettings } from "../../core/images/push-target.ts";
import { type Config, type Option, type OptionName, optionEntries, options } from "../options.ts";
import type { Given } from "../sources.ts";

/** How messages name an option: by flag and variable. */
export function nameOf(name: OptionName): string {
  const { env, flag }: Option = options[name];
  return flag ? `--${flag} (${env})` : env;
}

/** The line for a value that cannot be used. */
export function wrongValue(name: OptionName, { text, from }: Given, expected: string): string {
  const place = from === ".env" ? " in .env" : "";
  return `${nameOf(name)} is ${shown(name, text)}${place}; expected ${expected}${templateHint(text)}`;
}

/** Mistakes between settings, and missing settings. */
export function crossCheck(config: Partial<Config>, wrong: ReadonlySet<OptionName>, require: readonly OptionName[]): string[] {
  return [
    ...missing(config, wrong, require),
    ...unknownAnalyzers(config, wrong),
    ...halfTrustify(config),
    ...unusableAnalyzers(config, wrong),
    ...nothingToAttach(config, wrong),
    ...nothingToSubmit(config),
    ...mixedNamespaces(config),
    ...halfLogins(config, wrong),
    ...wrongTargets(config, wrong),
    ...wrongDatabase(config, wrong),
  ];
}

function missing(config: Partial<Config>, wrong: ReadonlySet<OptionName>, require: readonly OptionName[]): string[] {
  return require
    .filter((name) => config[name] === undefined && !wrong.has(name))
    .map((name) => `${nameOf(name)} is not set, and this command needs it. ${options[name].help}`);
}

function unknownAnalyzers({ analyzers = [], commands = [] }: Partial<Config>, wrong: ReadonlySet<OptionName>): string[] {
  if (wrong.has("commandsFile")) return [];
  const known = [...(options.analyzers.choices as readonly string[]), ...commands.map(({ name }) => name)];
  const unknown = analyzers.filter((name) => !known.includes(name));
  const expected = `expected ${known.join(", ")}, or the name of a command in ${nameOf("commandsFile")}`;
  return unknown.map((name) => `${nameOf("analyzers")} names ${JSON.stringify(name)}; ${expected}`);
}

function unusableAnalyzers(config: Partial<Config>, wrong: ReadonlySet<OptionName>): string[] {
  const { analyzers = [], dryRun } = config;
  if (wrong.has("analyzers")) return [];
  const beside = analyzers.includes("none") && analyzers.length > 1;
  const needed = optionEntries.filter(([, { neededBy }]) => !dryRun && neededBy !== undefined && analyzers.includes(neededBy));
  return [
    ...(beside ? [`${nameOf("analyzers")} is "${analyzers.join(",")}"; expected names of analyzers, or none alone`] : []),
    ...needed
      .filter(([name]) => config[name] === undefined && !wrong.has(name))
      .map(([name, { neededBy, help }]) => `${nameOf(name)} is not set, and the analyzer ${neededBy} needs it. ${help}`),
  ];
}

/** An issuer needs a client. */
function halfTrustify({ trustifyIssuer, trustifyClientId, trustifyClientSecretFile }: Partial<Config>): string[] {
  if (trustifyIssuer === undefined || (trustifyClientId !== undefined && trustifyClientSecretFile !== undefined)) return [];
  return [
    `${nameOf("trustifyIssuer")} is set; ${nameOf("trustifyClientId")} and ${nameOf("trustifyClientSecretFile")} must be set, too`,
  ];
}

/** One analyzer makes the documents, and they are attached only to copies. */
function nothingToAttach(
  { attachSbom, pushRegistry, analyzers = [] }: Partial<Config>,
  wrong: ReadonlySet<OptionName>,
): string[] {
  if (!attachSbom || wrong.has("pushRegistry") || wrong.has("analyzers")) return [];
  if (pushRegistry === undefined) return [`${nameOf("attachSbom")} is set; ${nameOf("pushRegistry")} must be set, too`];
  return analyzers.includes("packages") ? [] : [`${nameOf("attachSbom")} is set; ${nameOf("analyzers")} must name packages`];
}

function nothingToSubmit({ noBase, noOutput, noBuildLog }: Partial<Config>): string[] {
  if (!noBase || !noOutput || !noBuildLog) return [];
  const names = [nameOf("noBase"), nameOf("noOutput"), nameOf("noBuildLog")];
  return [`${names.join(", ")} are all set, so that nothing is left to submit; expected at most two of them`];
}

function mixedNamespaces({ namespaces = [] }: Partial<Config>): string[] {
  if (!namespaces.includes("*") || namespaces.length === 1) return [];
  return [`${nameOf("namespaces")} is "${namespaces.join(",")}"; expected names of namespaces, or * alone`];
}

/** Mistakes between a database's URL and its certificates. */
function wrongDatabase({ databaseUrl, databaseCa }: Partial<Config>, wrong: ReadonlySet<OptionName>): string[] {
  if (databaseUrl === undefined || wrong.has("databaseUrl")) return [];
  try {
    parseDatabaseUrl(withDatabaseCa(databaseUrl, databaseCa));
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be read";
    return [`${nameOf("databaseUrl")} is not usable: ${why} ${nameOf("databaseCa")} can name that file, too.`];
  }
}

/** Mistakes in the names of copies. The message names the variable. */
function wrongTargets(
  { pushRegistry, pushLayout = "default", pushTemplate, pushSkip = [] }: Partial<Config>,
  wrong: ReadonlySet<OptionName>,
): string[] {
  if (pushRegistry === undefined || wrong.has("pushRegistry") || wrong.has("pushLayout")) return [];
  try {
    readPushSettings({ registry: pushRegistry, layout: pushLayout, template: pushTemplate, skip: pushSkip });
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

const logins = [
  ["sourceUser", "sourcePassword"],
  ["destinationUser", "destinationPassword"],
] as const satisfies readonly (readonly [OptionName, OptionName])[];

function halfLogins(config: Partial<Config>, wrong: ReadonlySet<OptionName>): string[] {
  return logins.flatMap(([user, password]) => {
    if (wrong.has(user) || wrong.has(password)) return [];
    if ((config[user] === undefined) === (config[password] === undefined)) return [];
    const [set, unset] = config[user] === undefined ? [password, user] : [user, password];
    return [`${nameOf(set)} is set, but ${nameOf(unset)} is not; expected both or neither`];
  });
}

/** A value for people to recognise: shortened, and without credentials in a URL. */
function shown(name: OptionName, text: string): string {
  const { secret }: Option = options[name];
  if (secret) return "not usable";
  const bare = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/i, "$1***@");
  return JSON.stringify(bare.length > 100 ? `${bare.slice(0, 100)}…` : bare);
}

function templateHint(text: string): string {
  return isUnfilledParameter(text) ? "; it looks like a template parameter that was not filled in" : "";
}

/** Whether a text is an unfilled template parameter, as `oc process` leaves misspelt names. */
export function isUnfilledParameter(text: string): boolean {
  return /^\$\{\{?\w+\}?\}$/.test(text);
}
