import type { Distribution, FoundPackage } from "../inventory.ts";

/** What a file of a package database contains. */
export interface Findings {
  readonly packages: readonly FoundPackage[];
  /** What could not be read, for people. Then packages can be missing. */
  readonly troubles?: readonly string[];
  readonly distribution?: Distribution;
  readonly contentSets?: readonly string[];
}

export interface DatabaseFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** The bytes of its companion, if it has one. */
  readonly companion?: Buffer | undefined;
}

/** A kind of package database. The input is hostile: `read` ends for any bytes, and throws `UnreadableDatabase` or a `RangeError` if it cannot read them. */
export interface PackageDatabase {
  readonly name: string;
  /** Whether a file is this database, by its path without a leading slash. Its directory can be a link. */
  owns(path: string): boolean;
  /** The most bytes of a file. A larger one is not read. */
  readonly limit: number;
  /** Where the system looks for it: files, or directories with a slash at the end. Absent: the file counts in any place. */
  readonly places?: readonly string[];
  /** The suffix of the companion file that completes a file. Both are kept unchanged, because a layer can change only one of them. */
  readonly companion?: string;
  read(file: DatabaseFile): Findings;
}

/** A database that cannot be read at all. The message says why, for people. */
export class UnreadableDatabase extends Error {
  override readonly name = "UnreadableDatabase";
}

/** The most packages of one file. */
export const mostPackages = 100_000;

const longestText = 1_000;

/** A text that can be kept: one line, bounded, and valid Unicode. Undefined if nothing is left. */
export function plainText(text: string | undefined): string | undefined {
  const plain = text
    ?.slice(0, longestText)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return plain ? plain : undefined;
}

const mebibyte = 1024 * 1024;

/** The most bytes of a file, by kind. A file is in memory as a whole, and two are read at a time in a pod of 512 MiB. */
export const fileLimits = {
  text: 4 * mebibyte,
  database: 64 * mebibyte,
  rpm: 128 * mebibyte,
  archive: 128 * mebibyte,
  /** A description in an archive. */
  metadata: mebibyte,
} as const;
