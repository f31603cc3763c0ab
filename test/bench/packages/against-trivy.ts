import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openTestInventory } from "../../support/inventory.ts";
import { makeFileLayer } from "../../support/layers.ts";
import { makeImage } from "../../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../../support/registry-server.ts";
import { findTrivy } from "../../support/trivy.ts";
import { type Measurement, quantile } from "../measurement.ts";
import { layerFiles } from "./layer-files.ts";
import { createTurnWatch } from "./turns.ts";

const pairs = 3;
const manyImages = 40;
const atOnce = 4;

/** Reading images against Trivy making its documents of them, from a real docker-registry on loopback. */
export async function benchAgainstTrivy(): Promise<readonly Measurement[]> {
  if (findTrivy() === undefined) throw new Error("Trivy is missing: .ci/run puts it into .tools/");
  const registry = await startRegistry();
  try {
    const one = makeImage({ layers: await Promise.all([0, 1, 2, 3, 4].map((layer) => makeFileLayer(layerFiles(layer)))) });
    const name = await registry.push("bench/one", one);
    return [...(await benchOne(name)), await benchMany(await pushMany(registry))];
  } finally {
    await registry.close();
  }
}

async function pushMany(registry: RegistryServer): Promise<readonly string[]> {
  const layer = (number: number) => makeFileLayer(layerFiles(number));
  const base = await Promise.all([0, 1, 2, 3].map(layer));
  const names: string[] = [];
  for (let at = 0; at < manyImages; at++)
    names.push(await registry.push(`bench/app-${at}`, makeImage({ layers: [...base, await layer(4 + at)] })));
  return names;
}

async function benchOne(name: string): Promise<readonly Measurement[]> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < pairs; pair++) {
    await using test = await openTestInventory();
    ours.push(await timed(() => test.read(name)));
    theirs.push(await timed(() => trivyAnew(name)));
  }
  const [own, other] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
  const detail = `${own.toFixed(0)} ms against ${other.toFixed(0)} ms`;
  return [
    { name: "one image of 5 layers against Trivy", ratio: own / other, bound: { max: 0.3 }, detail },
    await benchTurns(name),
  ];
}

/** By the work of the bot's own thread: how long it waits for a processor is the machine's doing, and is only shown. */
async function benchTurns(name: string): Promise<Measurement> {
  const longest: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < pairs; round++) {
    await using test = await openTestInventory();
    const turns = createTurnWatch();
    await test.read(name);
    const { work, wall } = turns.end();
    longest.push(work);
    waits.push(wall);
  }
  const held = Math.max(...longest);
  const detail = `${held.toFixed(1)} ms of work; by the clock ${quantile(waits, 0.5).toFixed(1)} ms with what else the machine does`;
  return { name: "longest turn of the event loop while reading, of 20 ms", ratio: held / 20, bound: { max: 1 }, detail };
}

async function benchMany(names: readonly string[]): Promise<Measurement> {
  await using test = await openTestInventory();
  const own = await timed(() => inTurns(names, (name) => test.read(name)));
  const other = await manyByTrivy(names);
  const detail = `${own.toFixed(0)} ms against ${other.toFixed(0)} ms, counted from the first ${2 * atOnce}`;
  return {
    name: `${names.length} images that share 4 of 5 layers against Trivy`,
    ratio: own / other,
    bound: { max: 0.1 },
    detail,
  };
}

/** It takes minutes for all of them. So the first four are read, and four that find what these left in the cache; all others count as the latter. */
async function manyByTrivy(names: readonly string[]): Promise<number> {
  const cache = mkdtempSync(join(tmpdir(), "trivy-"));
  try {
    const first = await timed(() => trivy(names.slice(0, atOnce), atOnce, cache));
    const next = await timed(() => trivy(names.slice(atOnce, 2 * atOnce), atOnce, cache));
    return first + next * (names.length / atOnce - 1);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function inTurns(names: readonly string[], act: (name: string) => Promise<unknown>): Promise<void> {
  const left = [...names];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) await act(name);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** So many Trivys at once, as `xargs -P` has it. */
async function trivy(names: readonly string[], processes: number, cache: string): Promise<void> {
  const left = [...names];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const args = ["image", "--format", "cyclonedx", "--quiet", "--insecure", name];
      const env = { ...process.env, TRIVY_CACHE_DIR: cache };
      await promisify(execFile)(findTrivy() ?? "", args, { maxBuffer: 2 ** 28, env });
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
}

/** With a cache that is empty at first. */
async function trivyAnew(name: string): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), "trivy-"));
  try {
    await trivy([name], 1, cache);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await act();
  return performance.now() - since;
}
