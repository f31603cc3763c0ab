import { type DatabaseUrl, DatabaseUrlError, parseDatabaseUrl as parse } from "../core/hosts/database-url.ts";
import { DatabaseError } from "./database-error.ts";

/** Reads a `postgresql://` URL. Throws a `DatabaseError` that says what is wrong and repeats no part of the URL. */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    throw new DatabaseError(`BUILD_WATCHER_DATABASE_URL is not valid: ${error.message}`, "setup");
  }
}
