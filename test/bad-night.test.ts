import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Bot, createWorld, startBot, type World } from "./support/bot.ts";
import { aBuild, internalRegistry } from "./support/fixtures.ts";
import { extrapolated } from "./support/metric-samples.ts";
import { requirePrograms, runProgram } from "./support/programs.ts";
import { makeImage } from "./support/registry-images.ts";
import { type RegistryServer, startRegistry } from "./support/registry-server.ts";
import { processTemplate } from "./support/templates.ts";

/** The table of docs/operate.md: what each cause looks like. */
const page = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf("### A bad night"), page.indexOf("Other metrics worth a look"));
const rows = [...section.matchAll(/^\| (.+?) \| (.+?) \| (\d+|no answer) \| `(\w+)` \| `(\w+)` \|$/gm)].map(
  ([, cause = "", top = "", ready = "", metric = "", alert = ""]) => ({ cause, top, ready, metric, alert }),
);

interface Cause {
  /** Settings the bot starts with. */
  readonly settings?: (source: RegistryServer) => Readonly<Record<string, string>>;
  /** What the service says of analyses. */
  readonly states?: readonly string[];
  /** What breaks once the bot works. */
  readonly breaks?: (world: World) => unknown;
  /** Whether the images of the namespace bank are in the registry. */
  readonly imagesAreGone?: true;
}

const copying = (registry: string) => (source: RegistryServer) => ({
  THOTH_PUSH_REGISTRY: `${registry === "" ? source.host : registry}/mirror`,
  BUILD_WATCHER_REGISTRY_ROUTE: source.host,
  THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
  THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
});

const fullDisk = "the disk is full";
const causes: Readonly<Record<string, Cause>> = {
  "the cluster is down": {
    breaks({ cluster }) {
      cluster.fail("any", { status: 503 }, Number.POSITIVE_INFINITY);
      cluster.closeWatches("reset");
    },
  },
  "the push registry is down": { settings: copying("127.0.0.1:1") },
  "the endpoint is down": { breaks: ({ analysis }) => analysis.down() },
  "all analyses fail": { states: ["error"] },
  [fullDisk]: {},
  "one tenant's images are gone": { settings: copying(""), imagesAreGone: true },
};

it("every cause of the table is tried, and no other", () => {
  expect(rows.map(({ cause }) => cause)).toEqual(Object.keys(causes));
});

requirePrograms(
  "skopeo",
  "docker-registry",
  "promtool",
)("a bad night", () => {
  let source: RegistryServer;
  beforeAll(async () => {
    source = await startRegistry();
  });
  afterAll(() => source.close());

  async function complete({ cluster }: World, build: string, { isGone = false } = {}): Promise<void> {
    const [namespace = "", name = ""] = build.split("/");
    const image = makeImage();
    if (!isGone) await source.push(`${namespace}/${name}`, image, "latest");
    const outputReference = `${internalRegistry}/${namespace}/${name}:latest`;
    cluster.put("builds", aBuild({ name: `${name}-1`, namespace, outputReference, digest: image.digest, base: null }));
  }

  /** A bot that watches two namespaces, with one job done. */
  async function start(cause: Cause, directory?: string) {
    const world = await createWorld({ ...(cause.states && { states: cause.states }) });
    onTestFinished(() => world[Symbol.asyncDispose]());
    const bot = world.bot(["-n", "bank,shop", "--workers-count", "3"], {
      BUILD_WATCHER_SERVER: "1",
      PORT: "0",
      ...cause.settings?.(source),
      ...(directory !== undefined && { BUILD_WATCHER_STATE_DIR: directory }),
    });
    const { url } = await bot.logged((line) => line.url !== undefined);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    // A watch that only opens while things break would still tell of builds.
    await world.cluster.waitFor(({ openWatches }) => openWatches >= 2);
    return { world, bot, url: String(url) };
  }

  const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text();

  async function statusOf(url: string, world: World, directory = world.stateDirectory) {
    const settings = { PORT: new URL(url).port, BUILD_WATCHER_STATE_DIR: directory, HOME: "/nonexistent" };
    const status = startBot(["status"], settings);
    return { code: await status.exit, text: status.stdout() };
  }

  /** The hosts of this test by the names that the table has. */
  function asInTheTable(text: string, world: World): string {
    const named = text.replaceAll("127.0.0.1:1 ", "quay.example.com ");
    return named.replaceAll(new URL(world.analysis.url).host, "user-api.example.com");
  }

  it.each(rows.filter(({ cause }) => cause !== fullDisk))(
    "when $cause, the page, status, probe, metrics and alerts say so",
    async ({ cause: name, top, ready, metric, alert }) => {
      const cause = causes[name] ?? {};
      const { world, url } = await start(cause);
      const before = await metricsOf(url);
      cause.breaks?.(world);
      for (const number of [1, 2, 3]) await complete(world, `bank/app-${number}`, { isGone: cause.imagesAreGone ?? false });

      const [title = "", jobs = ""] = top.split(/: (?=\d+ jobs)/);
      const look = async () => asInTheTable(await (await fetch(url, { headers: { accept: "text/html" } })).text(), world);
      await expect.poll(look, { timeout: 60_000 }).toContain(`<b><bdi>${title}</bdi></b>`);
      await expect.poll(look, { timeout: 60_000 }).toContain(jobs);
      expect((await fetch(`${url}/readyz`)).status).toBe(Number(ready));
      const { code, text } = await statusOf(url, world);
      expect(code).toBe(0);
      expect(asInTheTable(text, world).split("\n")[0]).toContain(`Problems   ${top}`);

      const during = await metricsOf(url);
      world.cluster.put("builds", aBuild({ name: "still-1", namespace: "shop", phase: "Running" }));
      const life = (all: string) =>
        all
          .split("\n")
          .filter((line) => /^build_watcher_(?:build_events|watch_restarts)_total/.test(line))
          .join();
      await expect.poll(async () => life(await metricsOf(url)), { timeout: 60_000 }).not.toBe(life(during));
      const series = extrapolated({ before, during, after: await metricsOf(url) });
      expect(
        series.some(({ series, moves }) => moves && series.startsWith(metric)),
        metric,
      ).toBe(name !== "the cluster is down");
      expectAlert(alert, metric, series);
    },
  );

  const directory = mkdtempSync(join(tmpdir(), "build-watcher-full-"));
  const mounted = canMount(directory);
  afterAll(() => {
    if (mounted) runProgram("umount", [directory]);
    rmSync(directory, { recursive: true });
  });

  it.skipIf(!mounted)(`when ${fullDisk}, the bot ends and says so (needs the right to mount a tmpfs)`, async () => {
    const { top, ready, metric, alert } = rows.find(({ cause }) => cause === fullDisk) ?? rows[0] ?? expect.fail();
    const state = join(directory, "state");
    mkdirSync(state, { mode: 0o700 });
    const { world, bot, url } = await start({}, state);
    expect(await metricsOf(url)).toContain(metric);
    expect(() => {
      for (let number = 0; ; number += 1) writeFileSync(join(directory, `filler-${number}`), Buffer.alloc(65_536));
    }).toThrow(/ENOSPC/);
    for (const number of [1, 2, 3]) await complete(world, `bank/app-${number}`);
    await ended(bot);
    const [, words = ""] = /`([^`]+)`/.exec(top) ?? [];
    expect(bot.lines.at(-1)).toMatchObject({ level: "fatal", msg: expect.stringContaining(words) });
    expect(ready).toBe("no answer");
    await expect(fetch(`${url}/readyz`)).rejects.toThrow();
    expect((await statusOf(url, world, state)).text).toContain("No bot answers");
    expectAlert(alert, metric, []);
  });

  async function ended(bot: Bot): Promise<void> {
    expect(await bot.exit).toBe(1);
  }
});

/** What Prometheus makes of the metrics after an hour: this alert fires, by this metric, and no other does. */
function expectAlert(alert: string, metric: string, samples: ReturnType<typeof extrapolated>): void {
  const directory = mkdtempSync(join(tmpdir(), "build-watcher-night-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [, rules] = processTemplate("monitoring.yaml", {
    RUNBOOKS: "https://git.example.com/operate.md",
  }) as unknown as readonly [
    unknown,
    { readonly spec: { readonly groups: readonly { readonly rules: readonly { alert: string; expr: string }[] }[] } },
  ];
  expect(rules.spec.groups.flatMap((group) => group.rules).find((rule) => rule.alert === alert)?.expr).toContain(metric);
  writeFileSync(join(directory, "rules.json"), JSON.stringify(rules.spec));
  const test = {
    interval: "1m",
    input_series: samples.map(({ series, values }) => ({ series, values })),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: "1h",
        exp_samples: [{ labels: `{alertname="${alert}"}`, value: 1 }],
      },
    ],
  };
  writeFileSync(join(directory, "test.json"), JSON.stringify({ rule_files: ["rules.json"], tests: [test] }));
  expect(runProgram("promtool", ["test", "rules", join(directory, "test.json")])).toContain("SUCCESS");
}

function canMount(directory: string): boolean {
  try {
    runProgram("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", directory]);
    return true;
  } catch {
    return false;
  }
}
