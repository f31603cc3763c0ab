import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import type { Digest } from "../../../src/core/image-reference.ts";
import type { ImageContent, InstalledPackage } from "../../../src/inventory/inventory.ts";
import { packContent } from "../../../src/inventory/store/packed-content.ts";
import { openThreadStore } from "../../../src/inventory/store/thread-store.ts";
import type { DatabaseSource } from "../../../src/postgres/index.ts";
import { startPostgres } from "../../support/postgres.ts";
import { type Measurement, quantile } from "../measurement.ts";

const images = 1_000;
const packagesEach = 500;
/** Images of a fleet differ in some packages, and in the versions of many. */
const versions = 50;
const questions = 41;

/** Looking a package up among 1,000 images of 500 packages, in either store. */
export async function benchFindPackages(): Promise<readonly Measurement[]> {
  const server = await startPostgres();
  try {
    const { url } = await server.createDatabase();
    return [await benchStore("a file", undefined), await benchStore("PostgreSQL", { url })];
  } finally {
    await server.close();
  }
}

async function benchStore(name: string, database: DatabaseSource | undefined): Promise<Measurement> {
  const directory = mkdtempSync(join(tmpdir(), "find-packages-"));
  const store = await openThreadStore({ directory, layerCache: 0, database, clock: systemClock });
  try {
    for (let image = 1; image <= images; image++) {
      const content = contentOf(image);
      await store.keepImage(content.digest, [packContent(content)], true);
    }
    const took: number[] = [];
    for (let question = 0; question < questions; question++) {
      const began = performance.now();
      const { matches } = await store.find({ name: `package-${question * 7}`, range: ">=1.5 <1.9" }, 100);
      took.push(performance.now() - began);
      if (matches.length === 0) throw new Error("Nothing was found");
    }
    const median = quantile(took, 0.5);
    const detail = `${median.toFixed(1)} ms, slowest ${quantile(took, 1).toFixed(1)} ms`;
    return { name: `looking up a package in ${name}, of 20 ms`, ratio: median / 20, bound: { max: 1 }, detail };
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export function contentOf(image: number): ImageContent {
  const packages = Array.from(
    { length: packagesEach },
    (_, at): InstalledPackage => ({
      ecosystem: "rpm",
      name: `package-${at}`,
      version: `1.${(image * 31 + at) % versions}-1.el9`,
      architecture: "x86_64",
      licence: "MIT",
      layer: at % 4,
      path: "var/lib/rpm/rpmdb.sqlite",
    }),
  );
  const digest: Digest = `sha256:${image.toString(16).padStart(64, "0")}`;
  const distribution = { family: "redhat", version: "9.4" };
  return { digest, distribution, completeness: "complete", reasons: [], layers: [digest], contentSets: [], packages };
}
