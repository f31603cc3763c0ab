import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import type { Job } from "../../../src/core/jobs/job.ts";
import { createOnceAnImage } from "../../../src/pipeline/builds/same-image.ts";
import type { JobQueue, JobRecord, JobResult } from "../../../src/queue/job-queue.ts";

const digest = `sha256:${"1".repeat(64)}`;
const image = `quay.io/shop/cart@${digest}`;
const output = parseImageReference(image);
const analysed: JobResult = {
  source: image,
  output: image,
  analyses: [
    { of: "output", id: "a-1", cached: false },
    { of: "build-log", id: "l-1", cached: false },
  ],
  notes: ["of its own"],
};

function aJob(uid: string, change: Partial<Job> = {}): Job {
  const build = { kind: "PipelineRun", namespace: "shop", name: `run-${uid}`, uid };
  return {
    id: `build-${uid}-x`,
    analyzer: "thoth",
    cause: "build",
    build,
    output: { kind: "reference", reference: output },
    ...change,
  };
}

function aRecord(job: Job, change: Partial<JobRecord> = {}): JobRecord {
  return { job, state: "done", attempts: 1, createdAt: 1_000, updatedAt: 2_000, result: analysed, ...change };
}

/** Runs jobs one after the other beside records of earlier ones; answers which of them were submitted, and the last result. */
async function runAll(
  jobs: readonly Job[],
  records: readonly JobRecord[] = [],
  { countsFor = 10_000, result = analysed, watchesRuns = true } = {},
) {
  const withImage = async (...[, , , except]: Parameters<JobQueue["withImage"]>) =>
    records.filter(({ job }) => job.id !== except);
  const queue = { find: async () => undefined, withImage };
  const once = createOnceAnImage({ queue, countsFor, watchesRuns: () => watchesRuns, clock: { now: () => 5_000 } });
  const submitted: string[] = [];
  const results: JobResult[] = [];
  for (const job of jobs)
    results.push(
      await once(job, { output, base: undefined }, async () => {
        submitted.push(job.build?.uid ?? job.id);
        return result;
      }),
    );
  return { submitted, last: results.at(-1) };
}

describe("an image that several runs made", () => {
  it("is analyzed once, and the analysis is recorded for each", async () => {
    const { submitted, last } = await runAll([aJob("a"), aJob("b")]);
    expect(submitted).toEqual(["a"]);
    expect(last).toEqual({
      source: image,
      output: image,
      analyses: [{ of: "output", id: "a-1", cached: true }],
      notes: ["The same image as that of shop/run-a (build-a-x), whose analysis counts here as well."],
      sameAs: "build-a-x",
    });
  });

  it("is analyzed once while the first run's submission is under way, too", async () => {
    const first = Promise.withResolvers<JobResult>();
    const once = createOnceAnImage({
      queue: { find: async () => undefined, withImage: async () => [] },
      countsFor: 10_000,
      watchesRuns: () => true,
      clock: { now: () => 5_000 },
    });
    const images = { output, base: undefined };
    const one = once(aJob("a"), images, () => first.promise);
    await new Promise((resolve) => setImmediate(resolve));
    const other = once(aJob("b"), images, () => Promise.reject(new Error("submitted again")));
    first.resolve(analysed);
    expect([(await one).sameAs, (await other).sameAs]).toEqual([undefined, "build-a-x"]);
  });

  it.each<[string, JobRecord]>([
    ["of a run before the bot was started anew", aRecord(aJob("z"))],
    ["of an OpenShift Build", aRecord(aJob("z", { build: { namespace: "shop", name: "cart-1", uid: "z" } }))],
  ])("counts where the analysis is that %s", async (_, record) => {
    expect((await runAll([aJob("a")], [record])).last?.sameAs).toBe("build-z-x");
  });

  it.each<[string, JobRecord, Partial<{ countsFor: number }>]>([
    ["failed", aRecord(aJob("z"), { state: "failed", result: undefined as never }), {}],
    [
      "has ended badly",
      aRecord(aJob("z"), { result: { ...analysed, analyses: [{ of: "output", id: "a", cached: false, state: "failed" }] } }),
      {},
    ],
    ["is by another analyzer", aRecord(aJob("z", { analyzer: "rhacs" })), {}],
    [
      "is of another namespace, whose business it is",
      aRecord(aJob("z", { build: { kind: "PipelineRun", namespace: "bank", name: "x", uid: "z" } })),
      {},
    ],
    ["is of another repository", aRecord(aJob("z"), { result: { ...analysed, source: `quay.io/other@${digest}` } }), {}],
    ["is older than it counts", aRecord(aJob("z")), { countsFor: 1_000 }],
    ["is never to count", aRecord(aJob("z")), { countsFor: 0 }],
    ["is the job's own, which somebody tries again", aRecord(aJob("a")), {}],
    ["submitted nothing", aRecord(aJob("z"), { result: { analyses: [], notes: [] } }), {}],
  ])("is analyzed again where the analysis %s", async (_, record, options) => {
    expect((await runAll([aJob("a")], [record], options)).submitted).toEqual(["a"]);
  });

  it("is analyzed by the second run where the first one's submission failed, and again when a person tries the first again", async () => {
    expect((await runAll([aJob("a"), aJob("b")], [], { result: { analyses: [], notes: [] } })).submitted).toEqual(["a", "b"]);
    expect((await runAll([aJob("a"), aJob("a")])).submitted).toEqual(["a", "a"]);
  });

  const build = (uid: string) => aJob(uid, { build: { namespace: "shop", name: "cart-1", uid } });

  it("is submitted for every OpenShift Build", async () => {
    const ofBuild = aRecord(aJob("y"), { result: { ...analysed, sameAs: "build-z-x" } });
    expect((await runAll([build("a"), build("b")], [aRecord(build("z")), ofBuild])).submitted).toEqual(["a", "b"]);
  });

  it("is analyzed once where a pipeline and the OpenShift Build that it started report it, in either order", async () => {
    expect((await runAll([aJob("a"), build("b")])).submitted).toEqual(["a"]);
    expect((await runAll([build("b"), aJob("a")])).submitted).toEqual(["b"]);
    expect((await runAll([build("b")], [aRecord(aJob("a"))])).submitted).toEqual([]);
    expect((await runAll([build("b")], [aRecord(aJob("a"))], { watchesRuns: false })).submitted).toEqual(["b"]);
  });
});
