import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { parseImageReference } from "../../src/core/image-reference.ts";
import { openImageCopier } from "../../src/registry/skopeo-copier.ts";
import { runProgram } from "../support/programs.ts";
import { makeImage, makeLayer } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

/** One comparison: `ratio` is our wall time over the other's. */
export interface Measurement {
  readonly name: string;
  readonly ratio: number;
  readonly bound: { readonly min?: number; readonly max?: number };
  readonly detail: string;
}

const images = 40;
const sharedLayers = 4;
const layerBytes = 20 * 1024 * 1024;

interface Bench {
  readonly sources: readonly string[];
  readonly directory: string;
}

type Run = (bench: Bench, destination: RegistryServer, processes: number) => Promise<void>;

/** Copies 40 images of 5 layers, 4 of them shared, from registry to registry: our copier against skopeo started by xargs and by a loop. */
export async function benchCopy(): Promise<readonly Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-copy-"));
  const source = await startRegistry();
  try {
    const bench = { sources: await seed(source), directory };
    const [theirs, ours] = [await twice(bench, runXargs, 8), await twice(bench, runCopier, 8)];
    const [loops, alones]: [number[], number[]] = [[], []];
    for (let round = 0; round < 2; round++) {
      loops.push(await once(bench, runXargs, 1));
      alones.push(await once(bench, runCopier, 1));
    }
    return [
      compare("copy 40 images with 8 workers, over xargs -P8 skopeo copy", ours.cold, theirs.cold, 0.7),
      compare("the same when everything is there, over xargs -P8 skopeo copy again", ours.warm, theirs.warm, 0.5),
      compare("copy 40 images with 1 worker, over one skopeo copy after another", Math.min(...alones), Math.min(...loops), 1.05),
    ];
  } finally {
    await source.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of a run into an empty registry, and of the same run once more. */
async function twice(bench: Bench, run: Run, processes: number): Promise<{ cold: number; warm: number }> {
  const destination = await startRegistry();
  try {
    const cold = await timed(() => run(bench, destination, processes));
    return { cold, warm: await timed(() => run(bench, destination, processes)) };
  } finally {
    await destination.close();
  }
}

async function once(bench: Bench, run: Run, processes: number): Promise<number> {
  const destination = await startRegistry();
  try {
    return await timed(() => run(bench, destination, processes));
  } finally {
    await destination.close();
  }
}

/** What a run before has written must not be paid for by this one. */
async function timed(run: () => Promise<void>): Promise<number> {
  runProgram("sync", []);
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

function compare(name: string, ours: number, theirs: number, max: number): Measurement {
  const detail = `${(ours / 1000).toFixed(2)} s over ${(theirs / 1000).toFixed(2)} s`;
  return { name, ratio: ours / theirs, bound: { max }, detail };
}

async function seed(source: RegistryServer): Promise<string[]> {
  const shared = Array.from({ length: sharedLayers }, () => makeLayer(layerBytes));
  const names: string[] = [];
  for (let index = 0; index < images; index++) {
    names.push(await source.push(`bench/image${index}`, makeImage({ layers: [...shared, makeLayer(layerBytes)] })));
  }
  return names;
}

/** What an operator would write: the list of images through xargs, so many at once; with 1 it is a loop. */
async function runXargs({ sources, directory }: Bench, destination: RegistryServer, processes: number): Promise<void> {
  const flags = ["--quiet", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
  const args = ["-P", String(processes), "-n", "2", "skopeo", "copy", ...flags];
  const home = join(directory, `home-${destination.host}`);
  const environment = { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, _CONTAINERS_ROOTLESS_UID: "65534" };
  const child = spawn("xargs", args, { stdio: ["pipe", "ignore", "inherit"], env: environment });
  const pairs = sources.map((name, index) => `docker://${name} docker://${destination.host}/bench/image${index}:copy`);
  child.stdin.end(`${pairs.join("\n")}\n`);
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`xargs ended with ${code}`);
}

async function runCopier({ sources, directory }: Bench, destination: RegistryServer, workers: number): Promise<void> {
  const copier = await openImageCopier({
    pushRegistry: destination.host,
    layout: "default",
    skip: [],
    perRegistry: workers,
    stateDirectory: join(directory, `state-${destination.host}`),
    sourceVerifyTls: false,
    destinationVerifyTls: false,
    commandTimeout: 600_000,
    loginFor: async () => undefined,
    clock: systemClock,
    host: process,
  });
  const queue = sources.map((name) => parseImageReference(name));
  const { signal } = new AbortController();
  const work = async () => {
    for (let image = queue.shift(); image; image = queue.shift()) await copier.copy(image, signal);
  };
  await Promise.all(Array.from({ length: workers }, work));
  await copier.close();
}
