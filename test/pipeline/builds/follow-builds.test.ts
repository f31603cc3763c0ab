import { describe, expect, it } from "vitest";
import type { BuildSighting } from "../../../src/cluster/cluster.ts";
import type { BuildOutcome } from "../../../src/core/builds/build-outcome.ts";
import type { Job } from "../../../src/core/jobs/job.ts";
import { followBuilds } from "../../../src/pipeline/builds/follow-builds.ts";
import type { JobQueue } from "../../../src/queue/job-queue.ts";
import { classifyBuild } from "../../../src/sources/openshift-builds.ts";
import { captureLog } from "../../support/log.ts";

const policy = {
  analyzers: [{ name: "thoth", readsLogs: true }],
  outputImage: true,
  baseImage: true,
  buildLog: true,
  failedBuilds: false,
  track: [],
  matchesLabels: () => true,
};
const day = 24 * 60 * 60_000;

function build(uid: string, phase: string, completionTimestamp?: string): BuildOutcome {
  const status = { phase, outputDockerImageReference: "quay.io/shop/cart:1", completionTimestamp };
  return classifyBuild({ metadata: { namespace: "shop", name: uid, uid }, status });
}

const once: JobQueue["once"] = (_name, _within, work, signal) => work(signal);

async function follow(sightings: readonly BuildSighting[], namespaces: readonly (string | undefined)[] = ["shop"]) {
  const jobs: Job[] = [];
  const backlog: string[] = [];
  const forgotten: { endedBefore: number; seenBefore: number }[] = [];
  const stop = new AbortController();
  const captured = captureLog();
  const queue = {
    add: async (job: Job, adding: { readonly backlog?: boolean } = {}) => {
      jobs.push(job);
      if (adding.backlog) backlog.push(job.id);
      return "added" as const;
    },
    forget: async (limits: { endedBefore: number; seenBefore: number }) => forgotten.push(limits),
    once,
  };
  const cluster = {
    namespaces,
    async *watchBuilds() {
      yield* sightings;
      stop.abort();
    },
  };
  await followBuilds(
    {
      cluster,
      queue,
      policy,
      log: captured.log,
      clock: { now: () => 100 * day, schedule: () => () => undefined },
      keep: 30 * day,
    },
    stop.signal,
  );
  return { jobs, backlog, forgotten, captured };
}

describe("followBuilds", () => {
  it("makes a job of every build that succeeded, listed or live, and of no other", async () => {
    const { jobs } = await follow([
      {
        kind: "builds",
        namespace: "shop",
        listed: true,
        builds: [build("a", "Complete"), build("b", "Failed"), build("c", "Running")],
      },
      {
        kind: "builds",
        namespace: "shop",
        listed: false,
        builds: [build("c", "Complete"), classifyBuild({ metadata: { name: "nameless" } })],
      },
    ]);
    expect(jobs.map((job) => job.id)).toEqual(["build-a", "build-c"]);
  });

  it("lets builds that end while the bot runs go before those that had ended when it started", async () => {
    const [before, after] = [99, 101].map((days) => new Date(days * day).toISOString());
    const sighting = { kind: "builds", namespace: "shop" } as const;
    const { backlog } = await follow([
      { ...sighting, listed: true, builds: [build("old", "Complete", before), build("listed-later", "Complete", after)] },
      { ...sighting, listed: true, builds: [build("undated", "Complete")] },
      { ...sighting, listed: false, builds: [build("live", "Complete", after), build("late", "Complete", before)] },
    ]);
    expect(backlog).toEqual(["build-old", "build-undated"]);
  });

  it("says what trouble there is, and what to do about it", async () => {
    const { captured } = await follow([
      { kind: "trouble", namespace: "shop", reason: "Forbidden", message: "Grant it: oc policy …", retryIn: 30_000 },
    ]);
    expect(captured.lines).toContainEqual(expect.objectContaining({ msg: "Grant it: oc policy …", retrySeconds: 30 }));
  });

  it("says what is watched from now on and what is not, and warns when a whole build system is gone", async () => {
    const shop = { namespace: "shop" };
    const runs = { source: "buildruns", what: "BuildRun", ...shop };
    const listed = (part: object) => ({ kind: "synced", startedAt: 5, ...part }) as BuildSighting;
    const { captured } = await follow([
      { kind: "watches", watches: [runs, { ...runs, namespace: "bank" }] },
      listed(runs),
      listed({ ...runs, namespace: "bank" }),
      { kind: "watches", watches: [runs] },
      { kind: "watches", watches: [shop] },
    ]);
    const told = captured.lines
      .filter(({ watches }) => watches)
      .map(({ level, msg, watches }) => [level, /no longer/.test(String(msg)) ? "ended" : "begun", watches]);
    expect(told).toEqual([
      ["info", "begun", ["buildruns shop", "buildruns bank"]],
      ["info", "ended", ["buildruns bank"]],
      ["info", "begun", ["builds shop"]],
      ["warn", "ended", ["buildruns shop"]],
    ]);
  });

  it("says once how many images of a build are left out because they are too many, and notes it in each job", async () => {
    const reference = (tag: string) =>
      ({ kind: "reference", reference: { registry: "quay.io", repository: "shop/cart", tag } }) as const;
    const facts = {
      build: { kind: "PipelineRun", namespace: "shop", name: "matrix", uid: "u" },
      labels: {},
      severalImages: true,
    };
    const outputs = [reference("1"), reference("2")];
    const builds = [{ kind: "succeeded", phase: "Complete", outputs, leftOut: 44, ...facts } as const];
    const { jobs, captured } = await follow([{ kind: "builds", namespace: "shop", listed: false, builds }]);
    expect(jobs.map(({ leftOut }) => leftOut)).toEqual([44, 44]);
    const [warning, ...more] = captured.lines.filter(({ level }) => level === "warn");
    expect(warning).toMatchObject({ subject: "shop/matrix", taken: 2, leftOut: 44 });
    expect(more).toEqual([]);
  });

  it("warns of a Build that has no identity instead of dropping it in silence", async () => {
    const { captured } = await follow([
      { kind: "builds", namespace: "shop", listed: false, builds: [classifyBuild({ status: { phase: "Complete" } })] },
    ]);
    expect(captured.messages("warn")).toEqual([expect.stringContaining("cannot be read")]);
  });

  it("forgets old jobs only when every namespace was listed, and only those not seen since the oldest list", async () => {
    const first = await follow([{ kind: "synced", namespace: "a", startedAt: 5 }], ["a", "b"]);
    expect(first.forgotten).toEqual([]);
    const both = await follow(
      [
        { kind: "synced", namespace: "a", startedAt: 5 },
        { kind: "synced", namespace: "b", startedAt: 9 },
      ],
      ["a", "b"],
    );
    expect(both.forgotten).toEqual([{ endedBefore: 70 * day, seenBefore: 5 }]);
  });

  it("is an error if the watch ends by itself", async () => {
    const cluster = { namespaces: ["shop"], watchBuilds: async function* () {} };
    const queue = { add: async () => "added" as const, forget: async () => 0, once };
    const clock = { now: () => 0, schedule: () => () => undefined };
    const parts = { cluster, queue, policy, log: captureLog().log, clock, keep: day };
    await expect(followBuilds(parts, new AbortController().signal)).rejects.toThrow("ended by itself");
  });
});
