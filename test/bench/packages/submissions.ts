import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LayerEntry, makeFileLayer } from "../../support/layers.ts";
import { makeImage } from "../../support/registry-images.ts";
import { startRegistry } from "../../support/registry-server.ts";
import { startBotProcess } from "../bot-process.ts";
import { type Measurement, quantile } from "../measurement.ts";
import { startRemote } from "../remote.ts";
import type { Services } from "../services.ts";

const workers = 16;
const rounds = 3;
const builds = 600;
/** More than are read while the builds are submitted. */
const images = 150;

/** Submissions to Thoth while images are read, over those while another analyzer's jobs of the same number only wait. */
export async function benchSubmissions(): Promise<Measurement> {
  const registry = await startRegistry();
  const directory = mkdtempSync(join(tmpdir(), "bench-submissions-"));
  try {
    const names: string[] = [];
    for (let at = 0; at < images; at++) {
      names.push(await registry.push("bench/app", makeImage({ layers: [await makeFileLayer(filesOf(at))] })));
    }
    const commands = join(directory, "commands.yaml");
    writeFileSync(commands, 'commands: [{ name: waiter, args: [sleep, "3600"], timeout: 1h }]\n');
    const [reading, waiting]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      reading.push(await submitAll(["--analyzers", "thoth,packages", "--no-registry-tls-verify"], names));
      waiting.push(await submitAll(["--analyzers", "thoth,waiter", "--commands-file", commands], names));
    }
    const [ours, theirs] = [reading, waiting].map((times) => (builds * 1000) / quantile(times, 0.5)) as [number, number];
    return {
      name: "submissions of another analyzer a second while images are read, over those while none is",
      ratio: ours / theirs,
      bound: { min: 0.9 },
      detail: `${ours.toFixed(0)}/s over ${theirs.toFixed(0)}/s, medians of ${rounds} rounds of ${builds}`,
    };
  } finally {
    await registry.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A few packages beside a file of some megabytes. */
function filesOf(image: number): Record<string, LayerEntry> {
  const packages = Array.from({ length: 50 }, (_, at) => {
    const name = `package-${image}-${at}`;
    return [`app/node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0" })] as const;
  });
  return { ...Object.fromEntries(packages), "app/model.bin": randomBytes(3_000_000) };
}

async function submitAll(flags: readonly string[], names: readonly string[]): Promise<number> {
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await services.call("run", builds, names);
  await using bot = await startBotProcess({
    ...urls,
    flags: ["--workers-count", String(workers), "--no-build-log", "--no-base", ...flags],
  });
  await bot.whileItRuns(services.call("watched"));
  return await bot.whileItRuns(services.call("completeAll", builds));
}
