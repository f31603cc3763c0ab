import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../support/programs.ts";
import { makeImage, makeLayer } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import type { CopierProcess } from "./copier-process.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { startRemote } from "./remote.ts";

const images = 40;
const sharedLayers = 4;
const layerBytes = 20 * 1024 * 1024;
/** Small images that both sides copy before they are measured: a bot has run for long. */
const warmUps = 16;
const rounds = 5;
/** Two registries' worth of layers, and the uploads that turn out to be there already. */
const roomNeeded = 4 * 1024 ** 3;

/** In memory where that is possible: what a disk writes back when it likes would blur the figures of both sides. */
const parent = freeBytes("/dev/shm") > roomNeeded ? "/dev/shm" : tmpdir();

interface Bench {
  readonly sources: readonly string[];
  readonly before: readonly string[];
  readonly directory: string;
}

/** Something that copies all images to a registry, so many at once, and says how many milliseconds that took. */
type Run = (bench: Bench, destination: RegistryServer, processes: number) => Promise<number>;

/** Copies 40 images of 5 layers, 4 of them shared, from registry to registry: our copier against skopeo started by xargs and by a loop. */
export async function benchCopy(): Promise<readonly Measurement[]> {
  const directory = mkdtempSync(join(parent, "bench-copy-"));
  const source = await startRegistry({ parent });
  try {
    const bench = { sources: await seed(source), before: await seedSmall(source), directory };
    const together = await alternately(bench, 8, 2);
    const alone = await alternately(bench, 1, 1);
    return [
      compare("copy 40 images with 8 workers, over xargs -P8 skopeo copy", together, "cold", 0.7),
      compare("the same when everything is there, over xargs -P8 skopeo copy again", together, "warm", 0.4),
      compare("copy 40 images with 1 worker, over one skopeo copy after another", alone, "cold", 1.05),
    ];
  } finally {
    await source.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

interface Times {
  /** Milliseconds of a run into an empty registry. */
  readonly cold: number;
  /** Milliseconds of the same run once more. */
  readonly warm: number;
}

/** One run of each side, the one right after the other. */
interface Pair {
  readonly theirs: Times;
  readonly ours: Times;
}

async function alternately(bench: Bench, processes: number, times: number): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    const theirs = await runInto(bench, runXargs, processes, times);
    pairs.push({ theirs, ours: await runInto(bench, runCopier, processes, times) });
  }
  return pairs;
}

async function runInto(bench: Bench, run: Run, processes: number, times: number): Promise<Times> {
  const destination = await startRegistry({ parent });
  try {
    const cold = await run(bench, destination, processes);
    const warm = times > 1 ? await run(bench, destination, processes) : Number.POSITIVE_INFINITY;
    return { cold, warm };
  } finally {
    await destination.close();
  }
}

/** What a run before has written must not be paid for by this one. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  runProgram("sync", []);
  const begun = performance.now();
  await run();
  return performance.now() - begun;
}

/** The median of the pairs' ratios: a machine that slows down for a while slows both sides of a pair. */
function compare(name: string, pairs: readonly Pair[], pass: keyof Times, max: number): Measurement {
  const median = (value: (pair: Pair) => number) => quantile(pairs.map(value), 0.5);
  const ratio = median(({ ours, theirs }) => ours[pass] / theirs[pass]);
  const seconds = (side: keyof Pair) => (median((pair) => pair[side][pass]) / 1000).toFixed(2);
  return { name, ratio, bound: { max }, detail: `${seconds("ours")} s over ${seconds("theirs")} s, medians of ${rounds} rounds` };
}

async function seed(source: RegistryServer): Promise<string[]> {
  const shared = Array.from({ length: sharedLayers }, () => makeLayer(layerBytes));
  const names: string[] = [];
  for (let index = 0; index < images; index++) {
    names.push(await source.push(`bench/image${index}`, makeImage({ layers: [...shared, makeLayer(layerBytes)] })));
  }
  return names;
}

async function seedSmall(source: RegistryServer): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < warmUps; index++) names.push(await source.push(`bench/small${index}`, makeImage()));
  return names;
}

/** What an operator would write: the list of images through xargs, so many at once; with 1 it is a loop. */
async function runXargs({ sources, before, directory }: Bench, destination: RegistryServer, processes: number): Promise<number> {
  const flags = ["--quiet", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
  const args = ["-P", String(processes), "-n", "2", "skopeo", "copy", ...flags];
  const home = join(directory, `home-${destination.host}`);
  const environment = { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, _CONTAINERS_ROOTLESS_UID: "65534" };
  const copyAll = async (names: readonly string[], to: string) => {
    const pairs = names.map((name, index) => `docker://${name} docker://${destination.host}/bench/${to}${index}:copy`);
    const child = spawn("xargs", args, { stdio: ["pipe", "ignore", "inherit"], env: environment });
    child.stdin.end(`${pairs.join("\n")}\n`);
    const code = await new Promise((resolve) => child.once("close", resolve));
    if (code !== 0) throw new Error(`xargs ended with ${code}`);
  };
  await copyAll(before, "small");
  return timed(() => copyAll(sources, "image"));
}

async function runCopier({ sources, before, directory }: Bench, destination: RegistryServer, workers: number): Promise<number> {
  await using copier = startRemote<CopierProcess>("copier-process.ts");
  await copier.call("open", destination.host, join(directory, `state-${destination.host}`), workers);
  await copier.call("copyAll", before, workers);
  const milliseconds = await timed(() => copier.call("copyAll", sources, workers));
  await copier.call("close");
  return milliseconds;
}
