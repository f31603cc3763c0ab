import type { Digest } from "../../../core/images/image-reference.ts";
import { type Database, migrate, openDatabase } from "../../../postgres/index.ts";
import { writeDocument } from "../../document.ts";
import type { Completeness, ContentSummary, ImageContent, PackageAnswer, PackageQuestion } from "../../inventory.ts";
import { packageUrl } from "../../purl.ts";
import { type MatchRow, matchOf, readQuestion } from "../asked.ts";
import { differ } from "../differ.ts";
import { unpackJson } from "../sqlite/packed-content.ts";
import type { SqliteStore } from "../sqlite/sqlite-store.ts";
import { packageTables, table } from "./postgres-schema.ts";
import { forgetImages, keepImage, spellingOf, storable } from "./postgres-writes.ts";

/** The part of a store that all replicas share: what is in images. What was read of layers stays with each replica. */
export type PostgresStore = Promised<Omit<SqliteStore, "layer" | "keepLayer">>;

type Promised<Store> = {
  readonly [Name in keyof Store]: Store[Name] extends (...values: infer Values) => infer Answer
    ? (...values: Values) => Promise<Answer>
    : never;
};

/** Reads and writes are few and short, and others need the server's connections, too. */
const connections = 2;

/** Opens the store. The tables are created at the first use. Calls reject with a `DatabaseError`. */
export function openPostgresStore(url: string | (() => string)): PostgresStore {
  const database = openDatabase({ url, connections });
  let prepared: Promise<void> | undefined;

  async function ready(): Promise<Database> {
    prepared ??= migrate(database, packageTables).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    await prepared;
    return database;
  }

  async function contentOf(digest: Digest): Promise<ImageContent | undefined> {
    const [row] = await (await ready()).run<{ content: Uint8Array }>(
      `SELECT content FROM (SELECT contents.content, 0 AS place FROM ${table.images} JOIN ${table.imageContents} link ON link.image = images.id AND link.place = 0 JOIN ${table.contents} ON contents.id = link.content WHERE images.digest = $1 UNION ALL SELECT content, 1 FROM ${table.contents} WHERE digest = $1) AS known ORDER BY place LIMIT 1`,
      [digest],
    );
    return row && unpackJson(row.content);
  }

  return {
    keepImage: async (image, contents, isSettled, now) => keepImage(await ready(), image, contents, isSettled, now),
    forget: async (images) => forgetImages(await ready(), images),
    find: async (question, limit) => find(await ready(), question, limit),
    content: contentOf,
    async isSettled(image) {
      const { run } = await ready();
      const [row] = await run<{ is_settled: boolean }>(`SELECT is_settled FROM ${table.images} WHERE digest = $1`, [image]);
      return row?.is_settled === true;
    },
    async summary(image) {
      const { run } = await ready();
      const rows = await run<{ summary: string | null }>(
        `SELECT summary FROM ${table.images} LEFT JOIN ${table.imageContents} link ON link.image = images.id LEFT JOIN ${table.contents} ON contents.id = link.content WHERE images.digest = $1 ORDER BY link.place`,
        [image],
      );
      if (rows.length === 0) return undefined;
      const contents = rows.flatMap(({ summary }) => (summary === null ? [] : [JSON.parse(summary) as ContentSummary]));
      return { digest: image, contents };
    },
    async coverage() {
      const { run } = await ready();
      const rows = await run<{ completeness: Completeness; count: number }>(
        `SELECT completeness, count(*) AS count FROM ${table.contents} GROUP BY completeness`,
      );
      return { complete: 0, partial: 0, unknown: 0, ...Object.fromEntries(rows.map((row) => [row.completeness, row.count])) };
    },
    async packages(image, limit) {
      const content = await contentOf(image);
      return content?.packages.slice(0, limit).map((one) => ({ ...one, purl: packageUrl(one, content.distribution) }));
    },
    async compare(before, after, limit) {
      const [one, other] = await Promise.all([contentOf(before), contentOf(after)]);
      return one && other && differ(one, other, limit);
    },
    async document(image, facts) {
      const content = await contentOf(image);
      return content && writeDocument(content, facts);
    },
    async images(readBefore, after, limit) {
      const { run } = await ready();
      const rows = await run<{ digest: Digest }>(
        `SELECT digest FROM ${table.images} WHERE read_at < $1 AND digest > $2 ORDER BY digest LIMIT $3`,
        [readBefore, after ?? "", limit],
      );
      return rows.map(({ digest }) => digest);
    },
    close: () => database.close(),
  };
}

async function find({ run }: Database, question: PackageQuestion, limit: number): Promise<PackageAnswer> {
  const asked = readQuestion({ ...question, name: storable(question.name) });
  const named = await run<Omit<MatchRow, "layer"> & { id: number }>(
    `SELECT id, name, ecosystem, package_group, version, architecture FROM ${table.packages} WHERE spelling = ANY($1)`,
    [asked.spellings.map(spellingOf)],
  );
  const meant = new Map(
    named.filter((row) => asked.isMeant(row) && asked.isWithin(row.ecosystem, row.version)).map((row) => [row.id, row]),
  );
  if (meant.size === 0) return { matches: [], more: false };
  const rows = await run<{ package: number; layer: number; digest: Digest; summary: string }>(
    // One more than wanted shows whether there are more.
    `SELECT package, layer, images.digest, summary FROM (SELECT newest.* FROM unnest($1::integer[]) AS asked (package) CROSS JOIN LATERAL (SELECT package, content, layer FROM ${table.found} WHERE package = asked.package ORDER BY content DESC LIMIT $2) AS newest ORDER BY content DESC LIMIT $2) AS found JOIN ${table.contents} ON contents.id = found.content JOIN ${table.imageContents} link ON link.content = found.content JOIN ${table.images} ON images.id = link.image ORDER BY found.content DESC LIMIT $2`,
    [[...meant.keys()], limit + 1],
  );
  const matches = rows.flatMap(({ package: id, layer, digest, summary }) => {
    const row = meant.get(id);
    return row ? [matchOf({ ...row, layer }, digest, summary)] : [];
  });
  return { matches: matches.slice(0, limit), more: matches.length > limit };
}
