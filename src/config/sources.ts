import { parseEnv } from "node:util";
import { withoutEnd } from "../core/outside-text.ts";
import type { Option, OptionName } from "./options.ts";

/** The command line's flags, not yet parsed: `true` for a boolean, several texts for a list. */
export type Flags = { readonly [Name in OptionName]?: string | true | readonly string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where settings come from; the first that has one wins. */
export interface Sources {
  readonly flags: Flags;
  readonly environment: Environment;
  /** The variables of the `.env` file. */
  readonly file: Environment;
}

/** A setting as it was given. */
export interface Given {
  readonly text: string;
  readonly from: "flag" | "environment" | ".env";
}

/** The variables a `.env` file sets. */
export function parseEnvFile(text: string | undefined): Environment {
  return text === undefined ? {} : parseEnv(text.replace(/^\uFEFF/, ""));
}

/** What was given for an option; an empty text counts as nothing. */
export function findGiven(name: OptionName, option: Option, { flags, environment, file }: Sources): Given | undefined {
  const candidates: readonly (readonly [Given["from"], string | undefined])[] = [
    ["flag", flagText(flags[name], option)],
    ["environment", variableText(option, environment)],
    [".env", variableText(option, file)],
  ];
  for (const [from, raw] of candidates) {
    const text = raw && cleaned(option, raw);
    if (text) return { text, from };
  }
  return undefined;
}

/** Whether a value is what Kubernetes puts into `<SERVICE>_PORT` for every Service of the namespace: which is which is not meant for the bot. */
export function isServiceLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(text);
}

function flagText(value: string | true | readonly string[] | undefined, { flagMeansOff }: Option): string | undefined {
  if (value === true) return flagMeansOff ? "false" : "true";
  return typeof value === "object" ? value.join(",") : value;
}

function variableText({ env, type }: Option, variables: Environment): string | undefined {
  const text = variables[env];
  return text !== undefined && type === "integer" && isServiceLink(text) ? undefined : text;
}

/** Files made by hand end in a newline. Only that is removed from a secret, which can begin or end with blanks. */
function cleaned({ secret }: Option, text: string): string {
  return secret ? withoutEnd(text, "\r\n") : text.trim();
}
