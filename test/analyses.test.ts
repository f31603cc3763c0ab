import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHarborScanner } from "../src/demo/services/harbor-scanner.ts";
import { createRhacs } from "../src/demo/services/rhacs.ts";
import { listening, secretFile } from "./support/analyzers.ts";
import { createWorld, type World } from "./support/bot.ts";
import { idleClock } from "./support/idle-clock.ts";
import { completedBuild } from "./support/submissions.ts";

const token = "rhacs-token-4711";

interface ShownJob {
  readonly id: string;
  readonly analyzer: string;
  readonly state: string;
  readonly outcome: string;
  readonly result?: { readonly findings?: { readonly severities?: Readonly<Record<string, number>> } };
}

/** A world with RHACS, a scanner adapter and a program of one's own beside Thoth. */
async function services() {
  const world = await createWorld({ states: ["success"] });
  onTestFinished(() => world[Symbol.asyncDispose]());
  const rhacs = await listening(createRhacs({ tokens: [token], clusters: ["prod"] }));
  const harbor = await listening(createHarborScanner({ refusals: 1 }));
  const program = join(world.stateDirectory, "..", `scanner-${process.pid}.sh`);
  writeFileSync(program, `#!/bin/sh\necho '{"bomFormat":"CycloneDX","components":[{"type":"library"}],"vulnerabilities":[]}'\n`);
  chmodSync(program, 0o755);
  const commands = secretFile(`commands: [{ name: own-scanner, args: [${program}, "{image}"] }]`);
  const environment = {
    BUILD_WATCHER_ANALYZERS: "thoth,rhacs,harbor-scanner,own-scanner",
    BUILD_WATCHER_RHACS_URL: rhacs.url,
    BUILD_WATCHER_RHACS_TOKEN_FILE: secretFile(token),
    BUILD_WATCHER_RHACS_CLUSTER: "prod",
    BUILD_WATCHER_HARBOR_SCANNER_URL: `${harbor.url}/api/v1`,
    BUILD_WATCHER_COMMANDS_FILE: commands,
    BUILD_WATCHER_SERVER: "1",
    PORT: "0",
  };
  return { world, rhacs, harbor, environment };
}

async function start(world: World, environment: Readonly<Record<string, string>>) {
  const bot = world.bot([], environment, idleClock());
  const { url } = await bot.logged((line) => line.url !== undefined);
  const jobs = async (): Promise<readonly ShownJob[]> =>
    ((await (await fetch(`${url}/api/jobs?limit=100`)).json()) as { jobs: readonly ShownJob[] }).jobs;
  return { bot, url: String(url), jobs };
}

describe("a build that several services look at", () => {
  it("shows what each of them found, and nobody's secrets", async () => {
    const { world, environment } = await services();
    const { bot, url, jobs } = await start(world, environment);
    world.cluster.put("builds", completedBuild("app"));
    await expect
      .poll(async () => (await jobs()).map(({ analyzer, outcome }) => `${analyzer} ${outcome}`).toSorted())
      .toEqual(["harbor-scanner analysed", "own-scanner analysed", "rhacs analysed", "thoth analysed"]);
    const found = Object.fromEntries((await jobs()).map(({ analyzer, result }) => [analyzer, result?.findings?.severities]));
    expect(found.rhacs).toMatchObject({ critical: 1, high: 1 });
    expect(found["harbor-scanner"]).toMatchObject({ critical: 1, low: 1 });
    expect(found["own-scanner"]).toMatchObject({ critical: 0 });
    const list = await (await fetch(url)).text();
    for (const words of ["1 critical, 1 high", "1 critical, 1 low", "no vulnerabilities"]) expect(list).toContain(words);
    const job = (await jobs()).find(({ analyzer }) => analyzer === "rhacs");
    const page = await (await fetch(`${url}/jobs/${job?.id}`)).text();
    expect(page).toContain("1 critical, 1 high, 1 medium, 1 low, 1 unknown, 4 packages");
    const metrics = await (await fetch(`${url}/metrics`)).text();
    await bot.stop();
    const ledger = readFileSync(join(world.stateDirectory, "ledger.db"), "latin1");
    for (const text of [list, page, metrics, bot.stdout(), bot.stderr(), ledger]) expect(text).not.toContain(token);
  });
});

describe("a service that is down", () => {
  it("keeps its own jobs waiting, no others', and gets them when it is back", async () => {
    const { world, rhacs, environment } = await services();
    rhacs.down();
    const { jobs } = await start(world, environment);
    for (const name of ["app", "bank", "cart"]) world.cluster.put("builds", completedBuild(name));
    const outcomes = async (wanted: string) =>
      (await jobs()).filter(({ analyzer }) => analyzer === wanted).map(({ outcome }) => outcome);
    for (const analyzer of ["thoth", "harbor-scanner", "own-scanner"])
      await expect.poll(() => outcomes(analyzer)).toEqual(["analysed", "analysed", "analysed"]);
    expect(await outcomes("rhacs")).not.toContain("analysed");
    rhacs.up();
    await expect.poll(() => outcomes("rhacs")).toEqual(["analysed", "analysed", "analysed"]);
  });
});
