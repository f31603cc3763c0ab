import type { Distribution, FoundPackage } from "../inventory.ts";

/** What one file of a package database says. */
export interface Findings {
  readonly packages: readonly FoundPackage[];
  /** What could not be read of it, for people; the packages are then not all. */
  readonly troubles?: readonly string[];
  readonly distribution?: Distribution;
  readonly contentSets?: readonly string[];
}

export interface DatabaseFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** The bytes of its companion, where it has one. */
  readonly companion?: Buffer | undefined;
}

/** One kind of package database. Its input is hostile: `read` ends on any bytes, and throws `UnreadableDatabase` or a `RangeError` for what it cannot follow. */
export interface PackageDatabase {
  readonly name: string;
  /** Whether a file is this database, by its path without a leading slash; its directory can be a link. */
  owns(path: string): boolean;
  /** Bytes of a file that are read at most; a larger one is not read. */
  readonly limit: number;
  /** Where the system looks for it: files, or directories with a slash at the end. Absent: every file it owns counts. */
  readonly places?: readonly string[];
  /** What is appended to a file's path for the file that completes it. Both are kept unchanged, because a layer can change only one of them. */
  readonly companion?: string;
  read(file: DatabaseFile): Findings;
}

/** A database that cannot be read at all; the message says why, for people. */
export class UnreadableDatabase extends Error {
  override readonly name = "UnreadableDatabase";
}

/** Packages that are read of one file at most. */
export const mostPackages = 100_000;

const longestText = 1_000;

/** A text as it may be kept: one line, bounded, undefined when nothing is left. */
export function plainText(text: string | undefined): string | undefined {
  const plain = text
    ?.slice(0, longestText)
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .trim();
  return plain ? plain : undefined;
}

const mebibyte = 1024 * 1024;

/** Bytes of a file that are read at most, by the kind of file. */
export const fileLimits = { text: 4 * mebibyte, database: 64 * mebibyte, rpm: 256 * mebibyte, archive: 128 * mebibyte } as const;
