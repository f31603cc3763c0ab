import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { promisify } from "node:util";
import { openTestInventory } from "../support/inventory.ts";
import { type LayerEntry, makeFileLayer } from "../support/layers.ts";
import { makeImage } from "../support/registry-images.ts";
import { startRegistry } from "../support/registry-server.ts";
import { findTrivy } from "../support/trivy.ts";
import { type Measurement, quantile } from "./measurement.ts";

const pairs = 3;
const manyImages = 40;
const atOnce = 4;

/** Reading images against Trivy making its documents of them, from a real docker-registry on loopback. */
export async function benchPackages(): Promise<readonly Measurement[]> {
  if (findTrivy() === undefined) throw new Error("Trivy is missing: .ci/run puts it into .tools/");
  const registry = await startRegistry();
  try {
    const base = await Promise.all([0, 1, 2, 3].map((layer) => makeFileLayer(layerFiles(layer))));
    const images = await Promise.all(
      Array.from({ length: manyImages }, async (_, at) =>
        makeImage({ layers: [...base, await makeFileLayer(layerFiles(4 + at))] }),
      ),
    );
    const names: string[] = [];
    for (const [at, image] of images.entries()) names.push(await registry.push(`bench/app-${at}`, image));
    return [...(await benchOne(names[0] ?? "")), await benchMany(names)];
  } finally {
    await registry.close();
  }
}

/** 4,000 files of a few kilobytes and 160 packages. */
function layerFiles(layer: number): Record<string, LayerEntry> {
  const noise = (at: number) => Buffer.alloc(2_000 + ((at * 37) % 3_000), `${layer} ${at} some text `);
  const files = Array.from({ length: 3_840 }, (_, at) => [`usr/share/${layer}/${at % 50}/file-${at}.txt`, noise(at)] as const);
  const packages = Array.from({ length: 160 }, (_, at) => {
    const name = `package-${layer}-${at}`;
    return [`app/${layer}/node_modules/${name}/package.json`, JSON.stringify({ name, version: `1.${at}.0` })] as const;
  });
  return Object.fromEntries([...files, ...packages]);
}

async function benchOne(name: string): Promise<readonly Measurement[]> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  let held = 0;
  for (let pair = 0; pair < pairs; pair++) {
    await using test = await openTestInventory();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    ours.push(await timed(() => test.read(name)));
    delay.disable();
    held = Math.max(held, delay.max / 1e6);
    theirs.push(await timed(() => trivy([name], 1)));
  }
  const [own, other] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
  const detail = `${own.toFixed(0)} ms against ${other.toFixed(0)} ms`;
  return [
    { name: "one image of 5 layers against Trivy", ratio: own / other, bound: { max: 0.3 }, detail },
    { name: "event loop held while reading, of 20 ms", ratio: held / 20, bound: { max: 1 }, detail: `${held.toFixed(1)} ms` },
  ];
}

async function benchMany(names: readonly string[]): Promise<Measurement> {
  await using test = await openTestInventory();
  const own = await timed(() => inTurns(names, (name) => test.read(name)));
  const other = await timed(() => trivy(names, atOnce));
  const detail = `${own.toFixed(0)} ms against ${other.toFixed(0)} ms`;
  return {
    name: `${names.length} images that share 4 of 5 layers against Trivy`,
    ratio: own / other,
    bound: { max: 0.1 },
    detail,
  };
}

async function inTurns(names: readonly string[], act: (name: string) => Promise<unknown>): Promise<void> {
  const left = [...names];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) await act(name);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** So many Trivys at once, as `xargs -P` has it, with a cache that is empty at first. */
async function trivy(names: readonly string[], processes: number): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), "trivy-"));
  try {
    const left = [...names];
    const work = async () => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const args = ["image", "--format", "cyclonedx", "--quiet", "--insecure", name];
        await promisify(execFile)(findTrivy() ?? "", args, {
          maxBuffer: 2 ** 28,
          env: { ...process.env, TRIVY_CACHE_DIR: cache },
        });
      }
    };
    await Promise.all(Array.from({ length: processes }, work));
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await act();
  return performance.now() - since;
}
