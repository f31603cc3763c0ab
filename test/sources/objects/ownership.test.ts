import { describe, expect, it } from "vitest";
import type { BuildSighting } from "../../../src/cluster/cluster.ts";
import type { BuildOutcome } from "../../../src/core/builds/build-outcome.ts";
import { createShelf, type Shelf } from "../../../src/core/jobs/shelf.ts";
import { buildSources } from "../../../src/sources/index.ts";
import { createOwnership, type Ownership, settleAll } from "../../../src/sources/objects/ownership.ts";
import { digestOf } from "../../support/fixtures.ts";
import { aRun, condition, type RunObject, results } from "../../support/runs.ts";

const [, , pipelineRuns, taskRuns] = buildSources({ ignoreResults: [] });
const taskImage = "buildah-cart-r9f4c";
const pipelineImage = "checkout-on-push-k5v8n";

/** A TaskRun of the PipelineRun, and the PipelineRun itself. */
function aTask(uid = "task-1"): BuildOutcome {
  const run = aRun("TaskRun", ({ metadata }) => {
    Object.assign(metadata, { uid, namespace: "shop-tenant", labels: { "tekton.dev/pipelineRun": pipelineImage } });
  });
  return taskRuns?.classify(run) as BuildOutcome;
}

function aPipeline(change: (run: RunObject) => void = () => {}): BuildOutcome {
  return pipelineRuns?.classify(aRun("PipelineRun", change)) as BuildOutcome;
}

const namesNone = (run: RunObject) => void Object.assign(run.status, { results: [] });
const runs = (run: RunObject) =>
  void Object.assign(run.status, { conditions: condition("Unknown", "Running"), completionTime: undefined });
const isSkipped = (run: RunObject) =>
  void Object.assign(run.metadata, { annotations: { "build-watcher.thoth-station.ninja/skip": "true" } });

const everywhere = { namespace: undefined } as const;
const watches: BuildSighting = {
  kind: "watches",
  watches: [
    { ...everywhere, source: "pipelineruns" },
    { ...everywhere, source: "taskruns" },
  ],
};

function seen(source: "pipelineruns" | "taskruns", ...builds: readonly BuildOutcome[]): BuildSighting {
  return { kind: "builds", source, ...everywhere, builds, listed: false };
}

function synced(source: "pipelineruns" | "taskruns", startedAt: number): BuildSighting {
  return { kind: "synced", source, ...everywhere, startedAt };
}

function own(shelf: Shelf = createShelf(), reportsAll = false, failedImages = true): Ownership {
  return createOwnership({ reportsItself: () => reportsAll, failedImages, shelf, clock: { now: () => 1_000 } });
}

/** The names of what is left to report after each sighting was dealt with. */
async function reported(ownership: Ownership, ...sightings: readonly BuildSighting[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (const sighting of sightings) {
    const settled = await ownership.settle(sighting);
    for (const its of settled.sightings)
      if (its.kind === "builds") names.push(...its.builds.flatMap((build) => ("outputs" in build ? [build.build.name] : [])));
    await settled.dealtWith();
  }
  return names;
}

describe("a TaskRun of a PipelineRun", () => {
  it("is left to its pipeline, which names the image, whichever is seen first", async () => {
    const ownership = own();
    const [task, pipeline] = [seen("taskruns", aTask()), seen("pipelineruns", aPipeline())];
    expect(await reported(ownership, watches, task, pipeline, task, synced("pipelineruns", 0), task)).toEqual([pipelineImage]);
  });

  it.each(["before", "after"])("reports its image where the pipeline names none, seen %s it", async (order) => {
    const [task, pipeline] = [seen("taskruns", aTask()), seen("pipelineruns", aPipeline(namesNone))];
    const names = await reported(own(), watches, ...(order === "before" ? [task, pipeline] : [pipeline, task]));
    expect(names.filter((name) => name === taskImage)).toHaveLength(1);
  });

  it.each([false, true])("is left alone with its pipeline, whether or not all are to report: %s", async (reportsAll) => {
    const sightings = [seen("pipelineruns", aPipeline(isSkipped)), seen("taskruns", aTask())];
    expect(await reported(own(createShelf(), reportsAll), watches, ...sightings)).toEqual([]);
  });

  it.each([true, false])(
    "reports beside a pipeline that failed, for that may have named some images only: %s",
    async (failedImages) => {
      const failed = (run: RunObject) =>
        void Object.assign(run.status, { conditions: condition("False", "CouldntGetPipelineResult") });
      const sightings = [seen("taskruns", aTask()), seen("pipelineruns", aPipeline(failed))];
      const names = await reported(own(createShelf(), false, failedImages), watches, ...sightings);
      expect(names).toEqual(failedImages ? [pipelineImage, taskImage] : [pipelineImage]);
    },
  );

  it("reports what it pushed where its pipeline was cancelled and names nothing", async () => {
    const cancelled = ({ status }: RunObject) =>
      void Object.assign(status, { conditions: condition("False", "Cancelled"), results: [] });
    expect(await reported(own(), watches, seen("taskruns", aTask()), seen("pipelineruns", aPipeline(cancelled)))).toEqual([
      taskImage,
    ]);
  });

  it("reports at once where all are to, and where nobody watches pipelines there", async () => {
    expect(await reported(own(createShelf(), true), watches, seen("taskruns", aTask()))).toEqual([taskImage]);
    const tasksAlone: BuildSighting = { kind: "watches", watches: [{ ...everywhere, source: "taskruns" }] };
    expect(await reported(own(), tasksAlone, seen("taskruns", aTask()))).toEqual([taskImage]);
  });

  it("reports at once where its pipeline is gone before anybody saw it", async () => {
    expect(await reported(own(), watches, synced("pipelineruns", 0), seen("taskruns", aTask()))).toEqual([taskImage]);
    expect(await reported(own(), watches, seen("taskruns", aTask()), synced("pipelineruns", 0))).toEqual([taskImage]);
  });

  it("reports where its pipeline is no longer to be read, and waits again once it is", async () => {
    const ownership = own();
    const trouble = { kind: "trouble", source: "pipelineruns", ...everywhere, message: "", retryIn: 1 } as const;
    await reported(ownership, watches, seen("pipelineruns", aPipeline(runs)), synced("pipelineruns", 0));
    const waiting = [seen("taskruns", aTask()), { ...trouble, reason: "Unavailable" } as const];
    expect(await reported(ownership, ...waiting)).toEqual([]);
    expect(await reported(ownership, { ...trouble, reason: "Forbidden" })).toEqual([taskImage]);
    expect(await reported(ownership, seen("taskruns", aTask("task-2")))).toEqual([taskImage]);
    const again = [seen("pipelineruns", aPipeline(runs)), synced("pipelineruns", 0), seen("taskruns", aTask("task-3"))];
    expect(await reported(ownership, ...again)).toEqual([]);
  });

  it("waits while its pipeline runs, and reports when that is gone from the next list", async () => {
    const ownership = own();
    const running = [seen("pipelineruns", aPipeline(runs)), synced("pipelineruns", 0), seen("taskruns", aTask())];
    expect(await reported(ownership, watches, ...running, synced("pipelineruns", 900))).toEqual([]);
    expect(await reported(ownership, synced("pipelineruns", 2_000))).toEqual([taskImage]);
  });

  it("waits for its own pipeline, not for one of the same name that was there before", async () => {
    const ownership = own();
    const earlier = [seen("pipelineruns", aPipeline(runs)), seen("taskruns", aTask()), seen("pipelineruns", aPipeline())];
    expect(await reported(ownership, watches, ...earlier)).toEqual([pipelineImage]);
    const again = (change: (run: RunObject) => void) =>
      aPipeline((run) => {
        run.metadata.uid = "again";
        change(run);
      });
    expect(await reported(ownership, seen("pipelineruns", again(runs)), seen("taskruns", aTask("task-2")))).toEqual([]);
    expect(await reported(ownership, seen("pipelineruns", again(namesNone)))).toContain(taskImage);
  });

  it("stays with its pipeline's end, though a list from a cache shows that as it was before", async () => {
    const stale = [seen("pipelineruns", aPipeline()), seen("pipelineruns", aPipeline(runs)), seen("taskruns", aTask())];
    expect(await reported(own(), watches, ...stale, synced("pipelineruns", 2_000))).toEqual([pipelineImage]);
  });

  it("reports beside a pipeline that tells a digest alone, for the name beside that is a guess", async () => {
    const digestAlone = ({ spec, status }: RunObject) => {
      spec.params = [{ name: "IMAGE", value: "quay.io/shop/guessed" }];
      status.results = results({ IMAGE_DIGEST: digestOf("a") });
    };
    const names = await reported(own(), watches, seen("taskruns", aTask()), seen("pipelineruns", aPipeline(digestAlone)));
    expect(names).toEqual([pipelineImage, taskImage]);
  });

  it("reports when its pipeline is deleted before it ended", async () => {
    const ownership = own();
    await reported(ownership, watches, seen("pipelineruns", aPipeline(runs)), seen("taskruns", aTask()));
    const { build, phase } = aPipeline(runs);
    const deleted: BuildOutcome = { kind: "ignored", phase, build, because: "deleted" };
    expect(await reported(ownership, seen("pipelineruns", deleted))).toEqual([taskImage]);
  });

  it("is not lost when the bot ends while it waits, and both are gone when it is back", async () => {
    const shelf = createShelf();
    await reported(own(shelf), watches, seen("pipelineruns", aPipeline(runs)), seen("taskruns", aTask(), aTask("task-2")));
    expect(await reported(own(shelf), watches, synced("taskruns", 0))).toEqual([]);
    expect(await reported(own(shelf), watches, synced("pipelineruns", 0))).toEqual([taskImage, taskImage]);
    expect(await shelf.keys()).toEqual([]);
  });

  it("stays put aside until what was set free is dealt with", async () => {
    const shelf = createShelf();
    const ownership = own(shelf);
    await reported(ownership, watches, seen("taskruns", aTask()));
    await ownership.settle(seen("pipelineruns", aPipeline(namesNone)));
    expect(await shelf.keys()).toEqual([`shop-tenant/${pipelineImage}`]);
    expect(await reported(own(shelf), watches, seen("pipelineruns", aPipeline(namesNone)))).toContain(taskImage);
    expect(await shelf.keys()).toEqual([]);
  });
});

describe("runs that are all there are", () => {
  it("are settled among themselves, in whatever order they come", () => {
    const left = (...builds: readonly BuildOutcome[]) =>
      settleAll(builds, { reportsItself: () => false, failedImages: true }).flatMap((build) =>
        "outputs" in build ? [build.build.name] : [],
      );
    expect(left(aTask(), aPipeline())).toEqual([pipelineImage]);
    expect(left(aTask(), aPipeline(namesNone))).toContain(taskImage);
    expect(left(aTask(), aPipeline(isSkipped))).toEqual([]);
    expect(left(aTask())).toEqual([taskImage]);
  });
});
