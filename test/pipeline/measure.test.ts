import { beforeEach, describe, expect, it } from "vitest";
import type { BuildSighting } from "../../src/cluster/cluster.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { measureBuilds } from "../../src/pipeline/measuring/measure-builds.ts";
import { measureQueue } from "../../src/pipeline/measuring/measure-queue.ts";
import { measureCopy, measureSubmission } from "../../src/pipeline/measuring/measure-submissions.ts";
import type { JobAnalysis } from "../../src/queue/job-queue.ts";
import { classifyBuild } from "../../src/sources/openshift-builds.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import { embeddedStorage } from "../queue/embedded-storage.ts";
import { buildJob, nothing } from "../queue/jobs.ts";
import { fakeClock } from "../support/fake-clock.ts";

let metrics: Metrics;

beforeEach(() => {
  metrics = createMetrics({ ofProcess: false });
});

/** The lines of one metric that say something, without its prefix. */
async function values(name: string): Promise<string[]> {
  const lines = (await metrics.text()).split("\n");
  return lines
    .filter((line) => line.startsWith(`build_watcher_${name}`) && !/ 0$|_bucket/.test(line))
    .map((line) => line.slice(14));
}

describe("a measured queue", () => {
  it("counts what comes in, waits and ends", async () => {
    const storage = embeddedStorage();
    await using _storage = { [Symbol.asyncDispose]: () => storage.dispose() };
    const ledger = await storage.open({ workers: 2, jobTimeout: 60_000, giveUpAfter: 3_600_000 });
    const queue = measureQueue(ledger, "submit", metrics, storage.clock, ["thoth"]);
    await queue.add(buildJob(1));
    await queue.add(buildJob(1));
    await queue.add(buildJob(2));
    await queue.add(buildJob(3));
    await storage.clock.advance(90_000);
    expect(await values("jobs{")).toEqual(['jobs{kind="submit",analyzer="thoth",state="waiting",outcome="waiting"} 3']);
    expect(await values("oldest")).toEqual(['oldest_due_age_seconds{kind="submit",analyzer="thoth"} 90']);
    const reported: string[] = [];
    queue.work(
      async ({ id }) => {
        if (id === "build-uid-1") throw new JobError("ImageNotFound", "gone");
        if (id === "build-uid-2" && reported.length < 3) throw new JobError("RegistryUnavailable", "503");
        return nothing;
      },
      ({ outcome }) => reported.push(outcome),
    );
    await storage.clock.advance(60_000);
    await queue.idle();
    expect(reported.toSorted()).toEqual(["done", "done", "failed", "retrying"]);
    expect(await values("jobs_enqueued")).toEqual([
      'jobs_enqueued_total{kind="submit",analyzer="thoth",result="new"} 3',
      'jobs_enqueued_total{kind="submit",analyzer="thoth",result="duplicate"} 1',
    ]);
    expect((await values("jobs_finished")).toSorted()).toEqual([
      'jobs_finished_total{kind="submit",analyzer="thoth",outcome="done"} 2',
      'jobs_finished_total{kind="submit",analyzer="thoth",outcome="failed"} 1',
    ]);
    expect((await values("job_attempts")).toSorted()).toEqual([
      'job_attempts_total{kind="submit",analyzer="thoth",outcome="done",reason=""} 2',
      'job_attempts_total{kind="submit",analyzer="thoth",outcome="failed",reason="ImageNotFound"} 1',
      'job_attempts_total{kind="submit",analyzer="thoth",outcome="retrying",reason="RegistryUnavailable"} 1',
    ]);
    expect(await values("queue_wait_seconds_count")).toEqual(['queue_wait_seconds_count{kind="submit",analyzer="thoth"} 3']);
    expect(await values("queue_wait_seconds_sum")).toEqual(['queue_wait_seconds_sum{kind="submit",analyzer="thoth"} 270']);
    expect(await values("oldest")).toEqual([]);
  });
});

describe("measured builds", () => {
  const build = (name: string, phase?: string) => ({
    metadata: { namespace: "shop", name, uid: name },
    ...(phase && { status: { phase } }),
  });
  const seen = (listed: boolean, ...builds: object[]): BuildSighting => {
    return { kind: "builds", namespace: "shop", builds: builds.map((its) => classifyBuild(its)), listed };
  };

  it("are counted by phase, a strange one as other", async () => {
    const see = measureBuilds({ namespaces: ["shop"] }, metrics, fakeClock());
    see(seen(true, build("a", "Complete"), build("b", "Complete")));
    see(
      seen(false, build("c", "Running"), build("d", "Wobbling"), build("e"), { status: { phase: {} } } as object, null as never),
    );
    expect(await values("build_events")).toEqual([
      'build_events_total{source="builds",type="listed",phase="Complete"} 2',
      'build_events_total{source="builds",type="event",phase="Running"} 1',
      'build_events_total{source="builds",type="event",phase="other"} 2',
      'build_events_total{source="builds",type="event",phase="New"} 2',
    ]);
  });

  it("with more images than are taken in are counted once, by how many are left out", async () => {
    const see = measureBuilds({ namespaces: ["shop"] }, metrics, fakeClock());
    const key = { kind: "PipelineRun", namespace: "shop", name: "a", uid: "a" };
    const builds = [{ kind: "succeeded", phase: "Complete", build: key, labels: {}, outputs: [], leftOut: 44 }] as const;
    for (const listed of [false, true]) see({ kind: "builds", source: "pipelineruns", namespace: "shop", builds, listed });
    expect(await values("images_left_out")).toEqual(['images_left_out_total{source="pipelineruns"} 44']);
  });

  it("that failed are counted once, and only those that failed under the bot's eyes", async () => {
    const see = measureBuilds({ namespaces: ["shop"] }, metrics, fakeClock());
    see(seen(true, build("old", "Failed")));
    see(seen(false, build("old", "Failed"), build("new", "Failed")));
    see(seen(false, build("new", "Failed")));
    expect(await values("builds_failed")).toEqual(['builds_failed_total{source="builds"} 1']);
  });

  it("tell when the most silent namespace last showed life, and why a watch broke", async () => {
    const clock = fakeClock(1_000_000);
    const see = measureBuilds({ namespaces: ["shop", "bank"] }, metrics, clock);
    await clock.advance(5_000);
    see({ kind: "alive", namespace: "shop" });
    expect(await values("watch_last")).toEqual(["watch_last_event_timestamp_seconds 1000"]);
    see({ kind: "synced", namespace: "bank", startedAt: clock.now() - 2_000 });
    await clock.advance(5_000);
    see({ kind: "trouble", namespace: "bank", reason: "Expired", message: "", retryIn: 0 });
    expect(await values("watch_last")).toEqual(["watch_last_event_timestamp_seconds 1005"]);
    expect(await values("watch_newest")).toEqual(["watch_newest_event_timestamp_seconds 1005"]);
    expect(await values("watch_restarts")).toEqual(['watch_restarts_total{source="builds",reason="Expired"} 1']);
    expect(await values("reconcile")).toEqual(["reconcile_duration_seconds_sum 2", "reconcile_duration_seconds_count 1"]);
  });

  it("name the one namespace that cannot be read, for as long as it is watched and cannot", async () => {
    const clock = fakeClock(1_000_000);
    const see = measureBuilds({ namespaces: ["shop", "bank"] }, metrics, clock);
    see({ kind: "trouble", namespace: "bank", reason: "Forbidden", message: "", retryIn: 0 });
    await clock.advance(5_000);
    see({ kind: "alive", namespace: "shop" });
    expect(await values("watch_newest")).toEqual(["watch_newest_event_timestamp_seconds 1005"]);
    const named = ['watch_trouble_timestamp_seconds{source="builds",watched="bank"} 1000'];
    expect(await values("watch_trouble")).toEqual(named);
    see({ kind: "watches", watches: [{ namespace: "shop" }] } as never);
    expect(await values("watch_trouble")).toEqual([]);
    see({ kind: "watches", watches: [{ namespace: "shop" }, { namespace: "bank" }] } as never);
    see({ kind: "alive", namespace: "bank" });
    expect(await values("watch_trouble")).toEqual([]);
  });

  it("take no list for life of a watch in trouble", async () => {
    const clock = fakeClock(1_000_000);
    const see = measureBuilds({ namespaces: ["shop"] }, metrics, clock);
    see({ kind: "trouble", namespace: "shop", reason: "Unavailable", message: "", retryIn: 0 });
    await clock.advance(5_000);
    see(seen(true, build("a")));
    see({ kind: "synced", namespace: "shop", startedAt: clock.now() });
    expect(await values("watch_last")).toEqual(["watch_last_event_timestamp_seconds 1000"]);
    see(seen(false, build("b")));
    expect(await values("watch_last")).toEqual(["watch_last_event_timestamp_seconds 1005"]);
  });
});

describe("measured submissions", () => {
  const analysis = (of: string): JobAnalysis => ({ of, id: of, cached: false });
  const attempt = (outcome: "done" | "failed", ...parts: string[]) => {
    const record = { job: buildJob(1), state: outcome, attempts: 1, createdAt: 0, updatedAt: 0 };
    return { record: { ...record, result: { analyses: parts.map(analysis), notes: [] } }, outcome, milliseconds: 1 };
  };

  it("count images and build logs under the ancestor's names", async () => {
    measureSubmission(metrics, attempt("done", "output", "base", "build-log"));
    measureSubmission(metrics, attempt("done", "output"));
    measureSubmission(metrics, attempt("failed", "output"));
    expect(await values("image_submission")).toEqual(["image_submission_total 3"]);
    expect(await values("build_log_submission")).toEqual(["build_log_submission_total 1"]);
  });

  it.each([
    ["copied", ["image_pushed_registry_total 1"], ['copy_bytes_total{target="quay.io:443"} 42']],
    ["present", [], []],
    ["shared", [], []],
    ["failed", [], []],
  ] as const)("count a copy that ended as %s", async (outcome, images, bytes) => {
    const copy = { id: 1, image: "a/b:c", target: "quay.io:443/a/b:c" };
    measureCopy(metrics, { kind: "started", ...copy });
    measureCopy(metrics, { kind: "ended", ...copy, outcome, seconds: 1, bytes: 42 });
    expect(await values("image_pushed")).toEqual(images);
    expect(await values("copy_bytes")).toEqual(bytes);
  });
});
