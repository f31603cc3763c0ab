import { readFileSync } from "node:fs";
import { withDatabaseCa } from "../core/hosts/database-url.ts";

/** Where a database's URL comes from. Plain data, so that it can be passed to a thread. */
export interface DatabaseSource {
  /** As it was at start. */
  readonly url: string;
  /** The file that holds it. An operator renews it together with the password. */
  readonly file?: string | undefined;
  /** A file with CA certificates for it. */
  readonly ca?: string | undefined;
}

/** The current URL. The file is read again; while it is missing or empty, the URL at start is used. */
export function freshUrl({ url, file, ca }: DatabaseSource): () => string {
  return () => withDatabaseCa((file !== undefined && contentOf(file)) || url, ca);
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}
