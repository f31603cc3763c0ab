import { readFileSync } from "node:fs";
import { ConfigError } from "../config-error.ts";

/** The text of a `.env` file; undefined when there is none. Throws `ConfigError` when there is one that cannot be read. */
export function readEnvFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ConfigError([`${path} cannot be read: ${message}`]);
  }
}
