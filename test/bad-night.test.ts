import { readFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { JobError, type JobErrorOptions } from "../src/core/errors.ts";
import { measureBuilds } from "../src/pipeline/measure-builds.ts";
import { measureQueue } from "../src/pipeline/measure-queue.ts";
import type { JobResult } from "../src/queue/job-queue.ts";
import { createMetrics } from "../src/telemetry/metrics.ts";
import { job } from "./server/records.ts";
import { startBot } from "./support/bot.ts";
import { fakeClock, settle } from "./support/fake-clock.ts";
import { openPageServer } from "./support/page-server.ts";
import { readTemplate } from "./support/templates.ts";

/** The table of docs/operate.md: what each cause looks like. */
const page = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf("### A bad night"), page.indexOf("Also worth a look"));
const rows = [...section.matchAll(/^\| (.+?) \| (.+?) \| (\d+) \| `(\w+)` \| `(\w+)` \|$/gm)].map(
  ([, cause = "", top = "", ready = "", metric = "", alert = ""]) => ({ cause, top, ready: Number(ready), metric, alert }),
);

interface Cause {
  readonly throws?: readonly [reason: ConstructorParameters<typeof JobError>[0], options?: JobErrorOptions];
  readonly analyses?: "failed";
  readonly clusterIsDown?: true;
}

const hour = 3_600_000;
const causes: Readonly<Record<string, Cause>> = {
  "the cluster is down": { clusterIsDown: true },
  "the push registry is down": { throws: ["RegistryUnavailable", { host: "quay.example.com", retryAfter: hour }] },
  "the endpoint is down": { throws: ["AnalyzerUnavailable", { retryAfter: hour }] },
  "all analyses fail": { analyses: "failed" },
  "the disk is full": { throws: ["DiskFull", { retryAfter: hour }] },
  "one tenant's images are gone": { throws: ["ImageNotFound"] },
};

async function liveThrough({ throws, analyses, clusterIsDown }: Cause) {
  const clock = fakeClock();
  const namespaces = ["bank", "shop"];
  const server = await openPageServer({
    clock,
    namespaces,
    workers: 3,
    pushRegistry: "quay.example.com/mirror",
    addresses: { thoth: { setting: "THOTH_USER_API_HOST", host: "user-api.example.com" } },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const metrics = createMetrics({ ofProcess: false });
  const queue = measureQueue(server.queue, "submit", metrics, clock, ["thoth"]);
  const seen = measureBuilds({ namespaces }, metrics, clock);
  const before = await metrics.text();
  queue.work(async (): Promise<JobResult> => {
    if (throws) throw new JobError(throws[0], "told by the other side", throws[1]);
    return { analyses: [{ of: "output", id: "a", cached: false, state: analyses ?? "succeeded" }], notes: [] };
  }, server.activity.onAttempt);
  for (const number of clusterIsDown ? [] : [1, 2, 3]) await queue.add(job(`bank/app-${number}`));
  await settle();
  for (const namespace of namespaces) {
    const trouble = { kind: "trouble", namespace, reason: "Unavailable", message: "503", retryIn: 1_000 } as const;
    const sighting = clusterIsDown ? trouble : ({ kind: "alive", namespace } as const);
    seen(sighting);
    server.activity.see(sighting);
  }
  return { server, before, metrics };
}

it("is told of every cause that the table has, and of no other", () => {
  expect(rows.map(({ cause }) => cause)).toEqual(Object.keys(causes));
});

it.each(rows)("when $cause, the page, status, probe, metrics and alerts say so", async ({ cause, top, ready, metric, alert }) => {
  const { server, before, metrics } = await liveThrough(causes[cause] ?? {});
  const text = await (await server.get("/", { accept: "text/html" })).text();
  const [title = "", jobs = ""] = top.split(/: (?=\d+ jobs)/);
  expect(text).toContain(`<b><bdi>${title}</bdi></b>`);
  expect(text).toContain(jobs);
  expect((await server.get("/readyz")).status).toBe(ready);
  const status = startBot(["status"], { PORT: new URL(server.url).port, HOME: "/nonexistent" });
  expect(await status.exit).toBe(0);
  expect(status.stdout().split("\n")[0]).toContain(`Problems   ${top}`);

  const linesOf = (all: string) => all.split("\n").filter((line) => line.startsWith(metric) && !/ 0$/.test(line));
  const moves = metric.endsWith("_seconds")
    ? linesOf(await metrics.text()).length > 0
    : linesOf(await metrics.text()).join() !== linesOf(before).join();
  expect(moves, metric).toBe(true);
  const rules = JSON.stringify(readTemplate("monitoring.yaml").objects);
  const [, expression = ""] = new RegExp(`"alert":"${alert}","expr":"((?:[^"\\\\]|\\\\.)*)"`).exec(rules) ?? [];
  expect(expression).toContain(metric);
});
