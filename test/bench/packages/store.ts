import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import type { Digest } from "../../../src/core/images/image-reference.ts";
import type { ImageContent, InstalledPackage } from "../../../src/inventory/inventory.ts";
import { packContent } from "../../../src/inventory/store/sqlite/packed-content.ts";
import { openThreadStore } from "../../../src/inventory/store/sqlite/thread-store.ts";
import type { DatabaseSource } from "../../../src/postgres/index.ts";
import { startPostgres } from "../../support/postgres.ts";
import { type Measurement, quantile } from "../measurement.ts";

const images = 1_000;
const packages = 500;
/** Of the base that all images stand on; the others are each image's own. */
const shared = 350;
const questions = 200;
const megabyte = 1_000_000;

/** What 1,000 images of 500 packages take on disk, and how long a look-up takes then; in a file, and in a real PostgreSQL. */
export async function benchStore(): Promise<readonly Measurement[]> {
  return [...(await benchFile()), ...(await benchDatabase())];
}

async function benchFile(): Promise<readonly Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-store-"));
  try {
    const times = await fillAndAsk({ directory });
    const size = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    return measured("a file", size, 100, times);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function benchDatabase(): Promise<readonly Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-store-"));
  const server = await startPostgres();
  try {
    const { url, query } = await server.createDatabase();
    const before = await query("SELECT pg_database_size(current_database()) AS size");
    const times = await fillAndAsk({ directory, database: { url } });
    const after = await query("SELECT pg_database_size(current_database()) AS size");
    return measured("PostgreSQL", Number(after[0]?.size) - Number(before[0]?.size), 200, times);
  } finally {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds that each look-up took. */
async function fillAndAsk(place: { readonly directory: string; readonly database?: DatabaseSource }): Promise<readonly number[]> {
  const store = await openThreadStore({ ...place, layerCache: 0, clock: systemClock });
  try {
    for (let at = 0; at < images; at++) await store.keepImage(digest(at), [packContent(content(at))], true);
    const times: number[] = [];
    for (let at = 0; at < questions; at++) {
      const since = performance.now();
      const { matches } = await store.find({ name: `package-${(at * 37) % packages}` }, 100);
      times.push(performance.now() - since);
      if (matches.length === 0) throw new Error("A package that is there was not found");
    }
    return times;
  } finally {
    await store.close();
  }
}

function measured(place: string, size: number, most: number, times: readonly number[]): readonly Measurement[] {
  const median = quantile(times, 0.5);
  return [
    {
      name: `${images} images of ${packages} packages in ${place}, of ${most} MB`,
      ratio: size / (most * megabyte),
      bound: { max: 1 },
      detail: `${(size / megabyte).toFixed(0)} MB`,
    },
    {
      name: `look-up of a package by name in ${place}, of 20 ms`,
      ratio: median / 20,
      bound: { max: 1 },
      detail: `median ${median.toFixed(1)} ms, 99 % ${quantile(times, 0.99).toFixed(1)} ms`,
    },
  ];
}

function digest(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, "0")}`;
}

function content(image: number): ImageContent {
  const installed = Array.from({ length: packages }, (_, at): InstalledPackage => {
    const own = at >= shared;
    const name = `package-${own ? (at + image * 7) % packages : at}`;
    const version = `1:${own ? image % 40 : 3}.${at % 20}.7-${at % 9}.el9`;
    const source = { name: `source-of-${name}`, version };
    const file = { layer: own ? 1 : 0, path: "var/lib/rpm/rpmdb.sqlite" };
    return { ecosystem: "rpm", name, version, architecture: "x86_64", licence: "ASL 2.0", source, ...file };
  });
  const known = { completeness: "complete", reasons: [], contentSets: [], layers: [digest(1), digest(2 + image)] } as const;
  return { digest: digest(image), ...known, distribution: { family: "redhat", version: "9.4" }, packages: installed };
}
