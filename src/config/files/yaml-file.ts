import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ConfigError } from "../config-error.ts";

/** What a YAML file holds. Throws `ConfigError` that names the file. */
export function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, "utf8"), { logLevel: "error" });
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new ConfigError([`${path} cannot be read as YAML: ${why.replace(/:$/, "")}`]);
  }
}

/** The fields of a mapping; none for anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
