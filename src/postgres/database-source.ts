import { readFileSync } from "node:fs";
import { withDatabaseCa } from "../core/hosts/database-url.ts";

/** Where a database's URL comes from; plain data, so that a thread can be told it. */
export interface DatabaseSource {
  /** As it was at start. */
  readonly url: string;
  /** The file that holds it, which an operator renews together with the password. */
  readonly file?: string | undefined;
  /** A file of CA certificates for it. */
  readonly ca?: string | undefined;
}

/** The URL as it is now: a file is read again, and counts for nothing while it is missing or empty. */
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
