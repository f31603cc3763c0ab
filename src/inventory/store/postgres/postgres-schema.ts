import { type SchemaPart, schema } from "../../../postgres/index.ts";

/** The tables' names in statements. */
export const table = {
  images: `${schema}.images`,
  imageContents: `${schema}.image_contents`,
  contents: `${schema}.contents`,
  packages: `${schema}.packages`,
  found: `${schema}.found`,
} as const;

/**
 * `images`: images and their contents, one for each platform. `contents`: contents with all their packages, as JSON packed by zstd. `packages`: each
 * version of each package once. `spelling` is its name for looking up. `key` is a hash of the whole, because an index cannot hold texts of any length.
 * `found`: which package is in which content. Its index contains all columns, because the rows of a package are far apart.
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
