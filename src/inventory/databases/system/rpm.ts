import { type DatabaseFile, type Findings, fileLimits, mostPackages, type PackageDatabase } from "../database.ts";
import { berkeleyBlobs } from "./rpm-berkeley.ts";
import { readRpmHeader } from "./rpm-header.ts";
import { ndbBlobs } from "./rpm-ndb.ts";
import { sqliteBlobs } from "./rpm-sqlite.ts";

/** Where rpm's database can be: the old place, that of newer distributions, and that of ostree images. */
const directories = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

export const rpmSqlite: PackageDatabase = {
  ...rpmDatabase("rpm (SQLite)", "rpmdb.sqlite", ({ bytes, companion }) => sqliteBlobs(bytes, companion, "Packages")),
  companion: "-wal",
};

export const rpmNdb = rpmDatabase("rpm (NDB)", "Packages.db", ({ bytes }) => ndbBlobs(bytes));

export const rpmBerkeley = rpmDatabase("rpm (Berkeley DB)", "Packages", ({ bytes }) => berkeleyBlobs(bytes));

function rpmDatabase(name: string, file: string, blobs: (file: DatabaseFile) => Iterable<Buffer>): PackageDatabase {
  return {
    name,
    limit: fileLimits.rpm,
    places: directories.map((directory) => `${directory}/${file}`),
    owns: (path) => path === file || path.endsWith(`/${file}`),
    read: (database) => packagesOf(blobs(database)),
  };
}

/** A package with a broken header does not hide the others. Neither does a database that ends early. */
function packagesOf(headers: Iterable<Buffer>): Findings {
  const packages = [];
  const troubles = new Set<string>();
  let count = 0;
  try {
    for (const header of headers) {
      if (++count > mostPackages) throw new RangeError(`it has more than ${mostPackages} packages`);
      try {
        const found = readRpmHeader(header);
        if (found) packages.push(found);
      } catch (error) {
        troubles.add(messageOf(error));
      }
    }
  } catch (error) {
    if (packages.length === 0) throw error;
    troubles.add(messageOf(error));
  }
  return { packages, troubles: [...troubles].slice(0, 3) };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  return error instanceof RangeError && "code" in error ? "it breaks off in the middle" : error.message;
}
