import { type SchemaPart, schema } from "../../../postgres/index.ts";

/** The tables' names, as statements write them. */
export const table = {
  images: `${schema}.images`,
  imageContents: `${schema}.image_contents`,
  contents: `${schema}.contents`,
  packages: `${schema}.packages`,
  found: `${schema}.found`,
} as const;

/**
 * `images`: what is asked for, and the contents it has, one a platform. `contents`: each with all its packages, as JSON packed by zstd. `packages`:
 * every version of every package once; `spelling` is its name as it is looked up, `key` a hash of the whole, since texts of any length cannot be
 * in an index. `found`: which package lies in which content; its index says all,
 * since rows of one package lie far apart.
 */
export const packageTables: SchemaPart = {
  name: "packages",
  versions: [
    `
CREATE TABLE ${table.images} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, digest text COLLATE "C" NOT NULL UNIQUE, read_at bigint NOT NULL, is_settled boolean NOT NULL);
CREATE TABLE ${table.contents} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, digest text COLLATE "C" NOT NULL UNIQUE, completeness text NOT NULL, summary text NOT NULL, content bytea NOT NULL);
CREATE TABLE ${table.imageContents} (image integer NOT NULL, place integer NOT NULL, content integer NOT NULL, PRIMARY KEY (image, place));
CREATE INDEX image_contents_by_content ON ${table.imageContents} (content);
CREATE TABLE ${table.packages} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key uuid NOT NULL UNIQUE, spelling text COLLATE "C" NOT NULL, name text NOT NULL, ecosystem text NOT NULL, package_group text NOT NULL, version text NOT NULL, architecture text NOT NULL);
CREATE INDEX packages_by_spelling ON ${table.packages} (spelling);
CREATE TABLE ${table.found} (package integer NOT NULL, content integer NOT NULL, place integer NOT NULL, layer integer NOT NULL, PRIMARY KEY (package, content, place) INCLUDE (layer));
CREATE INDEX found_by_content ON ${table.found} (content);
`,
  ],
};
