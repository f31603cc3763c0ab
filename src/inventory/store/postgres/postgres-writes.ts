import { createHash } from "node:crypto";
import type { Digest } from "../../../core/images/image-reference.ts";
import type { Database, Run } from "../../../postgres/index.ts";
import type { ImageContent, InstalledPackage } from "../../inventory.ts";
import { packJson, summarize, unpackContent } from "../sqlite/packed-content.ts";
import { table } from "./postgres-schema.ts";

/** The key of the lock for writing. Any number, the same in every release. */
const lock = 0x62777061;

/** How many characters of a name are used for looking up. */
const longestSpelling = 200;

/** A name as it is looked up, ignoring case. */
export function spellingOf(name: string): string {
  return storable(name.toLowerCase().slice(0, longestSpelling));
}

/** Keeps what was read of an image, and replaces what was known. Atomic. */
export function keepImage(
  database: Database,
  image: Digest,
  packed: readonly Uint8Array[],
  isSettled: boolean,
  now: number,
): Promise<void> {
  return inTurn(database, async (run) => {
    const [{ id } = { id: 0 }] = await run<{ id: number }>(
      `INSERT INTO ${table.images} (digest, read_at, is_settled) VALUES ($1, $2, $3) ON CONFLICT (digest) DO UPDATE SET read_at = excluded.read_at, is_settled = excluded.is_settled RETURNING id`,
      [image, now, isSettled],
    );
    const before = await unlink(run, [id]);
    for (const [place, bytes] of packed.entries())
      await run(`INSERT INTO ${table.imageContents} (image, place, content) VALUES ($1, $2, $3)`, [
        id,
        place,
        await keepContent(run, unpackContent(bytes)),
      ]);
    await dropUnused(run, before);
  });
}

/** Forgets images, contents that no other image has, and packages that no other content has. */
export async function forgetImages(database: Database, images: readonly Digest[]): Promise<void> {
  if (images.length === 0) return;
  await inTurn(database, async (run) => {
    const dropped = await run<{ id: number }>(`DELETE FROM ${table.images} WHERE digest = ANY($1) RETURNING id`, [images]);
    await dropUnused(
      run,
      await unlink(
        run,
        dropped.map(({ id }) => id),
      ),
    );
    await run(`DELETE FROM ${table.packages} WHERE NOT EXISTS (SELECT 1 FROM ${table.found} WHERE found.package = packages.id)`);
  });
}

/** One writer at a time over all replicas. Otherwise one could drop as unused what another is about to use. */
function inTurn(database: Database, work: (run: Run) => Promise<void>): Promise<void> {
  return database.transaction(async (run) => {
    await run("SELECT pg_advisory_xact_lock($1)", [lock]);
    await work(run);
  });
}

/** The row of a content. A content that was read again replaces the earlier one. */
async function keepContent(run: Run, content: ImageContent): Promise<number> {
  const [{ id } = { id: 0 }] = await run<{ id: number }>(
    `INSERT INTO ${table.contents} (digest, completeness, summary, content) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO UPDATE SET completeness = excluded.completeness, summary = excluded.summary, content = excluded.content RETURNING id`,
    [content.digest, content.completeness, JSON.stringify(summarize(content)), packJson(content)],
  );
  await run(`DELETE FROM ${table.found} WHERE content = $1`, [id]);
  if (content.packages.length > 0) await addPackages(run, id, content.packages);
  return id;
}

async function addPackages(run: Run, content: number, packages: readonly InstalledPackage[]): Promise<void> {
  const rows = packages.map((one) => rowOf(one));
  const distinct = [...new Map(rows.map((row) => [row.key, row])).values()];
  const column = (name: keyof (typeof rows)[number]) => distinct.map((row) => row[name]);
  const columns = ["key", "spelling", "name", "ecosystem", "package_group", "version", "architecture"] as const;
  await run(
    `INSERT INTO ${table.packages} (${columns.join(", ")}) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS given (${columns.join(", ")}) WHERE NOT EXISTS (SELECT 1 FROM ${table.packages} known WHERE known.key = given.key)`,
    columns.map(column),
  );
  await run(
    `INSERT INTO ${table.found} (package, content, place, layer) SELECT packages.id, $1, given.place, given.layer FROM unnest($2::uuid[], $3::integer[]) WITH ORDINALITY AS given (key, layer, place) JOIN ${table.packages} USING (key)`,
    [content, rows.map(({ key }) => key), packages.map(({ layer }) => layer)],
  );
}

function rowOf({ name, ecosystem, group = "", version, architecture = "" }: InstalledPackage) {
  const texts = [ecosystem, group, name, version, architecture];
  const key = createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 32);
  return {
    key,
    spelling: spellingOf(name),
    name: storable(name),
    ecosystem,
    package_group: storable(group),
    version: storable(version),
    architecture: storable(architecture),
  };
}

async function unlink(run: Run, images: readonly number[]): Promise<readonly number[]> {
  const rows = await run<{ content: number }>(`DELETE FROM ${table.imageContents} WHERE image = ANY($1) RETURNING content`, [
    images,
  ]);
  return rows.map(({ content }) => content);
}

async function dropUnused(run: Run, contents: readonly number[]): Promise<void> {
  if (contents.length === 0) return;
  const dropped = await run<{ id: number }>(
    `DELETE FROM ${table.contents} WHERE id = ANY($1) AND NOT EXISTS (SELECT 1 FROM ${table.imageContents} WHERE content = contents.id) RETURNING id`,
    [contents],
  );
  if (dropped.length > 0) await run(`DELETE FROM ${table.found} WHERE content = ANY($1)`, [dropped.map(({ id }) => id)]);
}

/** A text that PostgreSQL accepts: without NUL and half characters. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}
