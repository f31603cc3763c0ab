import type { DatabaseSync } from "node:sqlite";

/** Increased when a table changes. Older tables are dropped, because everything can be read again. */
const version = 1;

/** Gives a database this version's tables. */
export function prepareSchema(connection: DatabaseSync): void {
  const found = connection.prepare("PRAGMA user_version").get()?.user_version;
  if (found === version) return;
  connection.exec("BEGIN IMMEDIATE");
  for (const table of ["layers", "image_contents", "images", "found", "contents", "names", "texts"])
    connection.exec(`DROP TABLE IF EXISTS ${table}`);
  connection.exec(tables);
  connection.exec(`PRAGMA user_version = ${version}; COMMIT`);
}

/**
 * `layers`: what was read of layers. `images`: images and their contents, one for each platform. `contents`: contents with all their packages, packed.
 * `found`: which package is in which content. It has numbers instead of texts, so 500,000 rows take a few megabytes.
 */
const tables = `
CREATE TABLE layers (digest TEXT PRIMARY KEY, contents BLOB NOT NULL, size INTEGER NOT NULL, used_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX layers_by_use ON layers (used_at);
CREATE TABLE images (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, read_at INTEGER NOT NULL, is_settled INTEGER NOT NULL);
CREATE TABLE contents (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, summary TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE image_contents (image INTEGER NOT NULL, place INTEGER NOT NULL, content INTEGER NOT NULL, PRIMARY KEY (image, place)) WITHOUT ROWID;
CREATE INDEX image_contents_by_content ON image_contents (content);
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL, ecosystem TEXT NOT NULL, package_group TEXT NOT NULL);
CREATE UNIQUE INDEX names_exactly ON names (name, ecosystem, package_group);
CREATE INDEX names_by_name ON names (name COLLATE NOCASE);
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE found (name INTEGER NOT NULL, content INTEGER NOT NULL, place INTEGER NOT NULL, version INTEGER NOT NULL, architecture INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY (name, content, place)) WITHOUT ROWID;
`;
