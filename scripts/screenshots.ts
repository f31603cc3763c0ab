// Makes docs/screenshots/*.png: the status page after an hour of a small cluster's life.
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BuildOutcome } from "../src/core/builds/build-outcome.ts";
import type { Digest } from "../src/core/images/image-reference.ts";
import { JobError } from "../src/core/jobs/errors.ts";
import type { Job } from "../src/core/jobs/job.ts";
import type { JobResult } from "../src/queue/job-queue.ts";
import { type Browser, launchBrowser } from "../test/support/browser.ts";
import { type FakeClock, fakeClock, settle } from "../test/support/fake-clock.ts";
import { openPageServer, type PageServer } from "../test/support/page-server.ts";

const registry = "image-registry.openshift-image-registry.svc:5000";
const minute = 60_000;

interface Scene {
  readonly config: string;
  readonly base?: string;
  readonly trigger: string;
  readonly commit?: string;
  /** How its job ends, if it is not done; `held` goes on running. */
  readonly ends?: "not found" | "down" | "rejected" | "held";
}

const scenes: readonly Scene[] = [
  { config: "jupyter/minimal-notebook", trigger: "GitHub WebHook", commit: "8f3c1e0b7a", base: "ubi9/python-312" },
  { config: "golang-builder/golang-builder", trigger: "Build configuration change", base: "golang:1.12" },
  {
    config: "golang-builder/go-hello-world-appimage",
    trigger: "Image change",
    commit: "2b9d04c6f1",
    base: "golang-builder/golang-builder",
  },
  { config: "golang-builder/go-hello-world", trigger: "Image change", base: "golang-builder/go-hello-world-appimage" },
  { config: "analytics/ray-example", trigger: "GitHub WebHook", commit: "c07e5512ab", ends: "rejected" },
  { config: "jupyter/spark-notebook", trigger: "Image change", base: "jupyter/minimal-notebook" },
  { config: "shop/checkout", trigger: "Generic WebHook", commit: "51aa9de3c4", ends: "not found" },
  { config: "shop/storefront", trigger: "GitHub WebHook", commit: "e6f0b2719d" },
  { config: "analytics/etl-nightly", trigger: "Manually triggered", ends: "down" },
  { config: "shop/search", trigger: "GitHub WebHook", commit: "0d4417fe62", ends: "held" },
];

function digestOf(name: string): Digest {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}

function jobOf({ config, base, trigger, commit }: Scene, round: number): Job {
  const [namespace = "", name = ""] = config.split("/");
  const image = (repository: string) => ({
    kind: "reference" as const,
    reference: { registry, repository, digest: digestOf(`${repository} ${round}`) },
  });
  const uid = digestOf(`${config} ${round} uid`).slice(7, 39);
  return {
    id: `build-${uid}`,
    analyzer: "thoth",
    cause: "build",
    build: { namespace, name: `${name}-${round + 7}`, uid },
    buildConfig: config,
    output: image(config),
    ...(base && { base: image(base) }),
    trigger,
    ...(commit && { commit, origin: `https://github.com/example/${name}.git` }),
  };
}

async function handle(clock: FakeClock, scene: Scene | undefined, signal: AbortSignal): Promise<JobResult> {
  const wait = (milliseconds: number) => new Promise<void>((resolve) => void clock.schedule(milliseconds, resolve));
  await wait(4_200);
  const copiedAt = clock.now();
  await wait(900);
  switch (scene?.ends) {
    case "not found":
      throw new JobError("ImageNotFound", `${registry}/shop/checkout: manifest unknown`, { host: registry });
    case "rejected":
      throw new JobError("AnalyzerRejected", "400: the image's architecture arm64 is not supported");
    case "down":
      throw new JobError("RegistryUnavailable", `${registry} answered 503 Service Unavailable`, {
        host: registry,
        retryAfter: 4 * minute,
      });
    case "held":
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    default:
      return {
        analyses: [{ of: "output", id: `package-extract-${copiedAt.toString(36)}`, cached: false, state: "running" }],
        notes: [],
        copiedAt,
        submittedAt: clock.now(),
        link: "https://thoth.example.com/search",
      };
  }
}

/** A build that failed on the cluster, and two that run. */
function seeBuilds({ builds }: PageServer, now: number): void {
  const facts = (namespace: string, name: string) => {
    const buildConfig = `${namespace}/${name.replace(/-\d+$/, "")}`;
    return { build: { namespace, name, uid: name }, buildConfig, labels: {} };
  };
  const [completedAt, startedAt] = [4 * minute, 2 * minute].map((ago) => new Date(now - ago).toISOString());
  const failed = { ...facts("shop", "payment-12"), outputs: [], reason: "AssembleFailed", completedAt };
  const running = [facts("shop", "search-15"), facts("jupyter", "cuda-notebook-15")];
  builds.see({
    kind: "builds",
    namespace: undefined,
    listed: false,
    builds: [
      { kind: "failed", phase: "Failed", ...failed } as BuildOutcome,
      ...running.map((its) => ({ kind: "pending", phase: "Running", ...its, startedAt }) as BuildOutcome),
    ],
  });
}

/** Seven rounds of builds; in the last one things go wrong, too. */
async function liveAnHour({ queue, activity, work }: PageServer, clock: FakeClock): Promise<void> {
  const endings = new Map<string, Scene>();
  const see = (kind: "synced" | "builds") => {
    const common = { namespace: undefined };
    activity.see(
      kind === "synced" ? { ...common, kind, startedAt: clock.now() } : { ...common, kind, builds: [], listed: false },
    );
  };
  see("synced");
  work((job, signal) => handle(clock, endings.get(job.id), signal));
  for (let round = 0; round < 8; round += 1) {
    for (const scene of scenes) {
      const isLast = round === 7;
      if (scene.ends && !isLast && round % 3 !== 1) continue;
      const job = jobOf(scene, round);
      if (isLast || (round === 4 && scene.ends === "not found")) endings.set(job.id, scene);
      see("builds");
      await queue.add(job);
      await settle();
      await clock.advance(isLast ? 20_000 : 40_000);
      await queue.amend(job.id, (result) => ended(result, clock.now()));
    }
    await clock.advance(round === 7 ? 0 : 2.2 * minute);
    if (round === 5) see("synced");
  }
  await queue.add(jobOf({ config: "jupyter/cuda-notebook", trigger: "Image change" }, 7));
  await clock.advance(11_000);
}

function ended(result: JobResult, now: number): JobResult {
  return { ...result, analyses: result.analyses.map((analysis) => ({ ...analysis, state: "succeeded", endedAt: now })) };
}

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme?: "light" | "dark";
  readonly before?: string;
}

async function shoot(browser: Browser, url: string, { name, path, width, height, colorScheme = "light" }: Shot): Promise<void> {
  const viewport = { width, height };
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(`${url}${path}`);
  await page.locator('#connection[data-state="live"]').waitFor();
  const file = fileURLToPath(new URL(`../docs/screenshots/${name}.png`, import.meta.url));
  await page.screenshot({ path: file });
  console.log(file);
  await context.close();
}

mkdirSync(new URL("../docs/screenshots", import.meta.url), { recursive: true });
const clock = fakeClock(Date.now() - 52.3 * minute);
await using server = await openPageServer({ clock, workers: 2, namespaces: [undefined] });
await liveAnHour(server, clock);
clock.set(Date.now());
seeBuilds(server, clock.now());
const browser = await launchBrowser();
const middle = (await server.queue.recent(1, { text: "go-hello-world-appimage", state: "done" }))[0]?.job.id ?? "";
for (const shot of [
  { name: "desktop", path: "/", width: 1360, height: 940 },
  { name: "dark", path: "/", width: 1360, height: 940, colorScheme: "dark" as const },
  { name: "phone", path: "/", width: 360, height: 1500 },
  { name: "job", path: `/jobs/${middle}`, width: 1100, height: 900 },
]) {
  await shoot(browser, server.url, shot);
}
await browser.close();
