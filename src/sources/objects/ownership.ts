import type { BuildSighting } from "../../cluster/cluster.ts";
import type { BuildFacts, BuildOutcome } from "../../core/builds/build-outcome.ts";
import type { Clock } from "../../core/clock.ts";
import type { Shelf } from "../../core/jobs/shelf.ts";
import { createPipelines, fateOf, isOf, nameOf } from "../pipelines.ts";

/**
 * Makes sure that only one object reports an image: the PipelineRun if it names images, otherwise the TaskRun that made them. TaskRuns are kept while
 * their PipelineRun runs, also during a restart.
 */
export interface Ownership {
  /** The builds to report: those of a sighting, and earlier ones that it releases. */
  settle(sighting: BuildSighting): Promise<Settled>;
}

interface Settled {
  readonly sightings: readonly BuildSighting[];
  /** Call this when all of them are queued. Until then released builds stay on the shelf. */
  dealtWith(): Promise<void>;
}

export interface OwnershipSettings {
  /** Whether a TaskRun reports its images at once, independently of its pipeline. */
  readonly reportsItself: (task: BuildFacts) => boolean;
  /** Whether images count that a PipelineRun made before it failed. */
  readonly failedImages: boolean;
  readonly shelf: Shelf;
  readonly clock: Pick<Clock, "now">;
}

/** How many pipelines are looked up on the shelf at once. */
const atOnce = 200;

/** Troubles that last until somebody acts. */
const refusals: ReadonlySet<string> = new Set(["Forbidden", "NotServed"]);

const [pipelineRuns, taskRuns] = ["pipelineruns", "taskruns"];

export function createOwnership({ reportsItself, failedImages, shelf, clock }: OwnershipSettings): Ownership {
  const pipelines = createPipelines(failedImages);
  /** The pipelines that tasks wait for. */
  let held: Set<string> | undefined;

  async function see(sighting: Extract<BuildSighting, { kind: "builds" }>, waitedFor: Set<string>): Promise<Settled> {
    const ended = sighting.builds.filter(({ build }) => build?.kind === "PipelineRun").flatMap(seePipeline);
    const isAside = (outcome: BuildOutcome) => isTask(outcome) && !reportsItself(outcome) && fate(outcome) === "open";
    const aside = sighting.builds.filter(isAside);
    if (aside.length > 0) await shelf.put(aside.map(entryOf));
    for (const { key } of aside.map(entryOf)) waitedFor.add(key);
    const builds = sighting.builds.map((outcome) => (isOwned(outcome) ? owned(outcome) : outcome));
    const over = ended.filter((pipeline) => waitedFor.has(pipeline));
    return { sightings: [{ ...sighting, builds: [...builds, ...(await takeDown(over))] }], dealtWith: () => forget(over) };
  }

  function seePipeline(outcome: BuildOutcome): readonly string[] {
    return pipelines.see(outcome, clock.now()) === undefined ? [] : [nameOf(outcome.build)];
  }

  function fate(outcome: BuildOutcome) {
    return pipelines.fate(("madeFor" in outcome && outcome.madeFor) || "");
  }

  function isOwned(outcome: BuildOutcome): boolean {
    if (!isTask(outcome)) return false;
    const its = fate(outcome);
    return its === "left alone" || (its !== "named none" && !reportsItself(outcome));
  }

  /** A list shows which pipelines are gone. Of those that cannot be listed nothing will be known. */
  async function close(
    sighting: Extract<BuildSighting, { kind: "synced" | "trouble" }>,
    waitedFor: Set<string>,
  ): Promise<Settled> {
    const { kind, source, what, namespace } = sighting;
    if (kind === "trouble") pipelines.refused(namespace);
    else if (source === pipelineRuns) pipelines.listed(namespace, sighting.startedAt);
    const watched = { ...(source && { source }), ...(what && { what }), namespace };
    const over = [...waitedFor].filter((name) => isOf(name, namespace) && pipelines.fate(name) !== "open");
    const sightings: BuildSighting[] = [];
    for (let start = 0; start < over.length; start += atOnce) {
      const builds = await takeDown(over.slice(start, start + atOnce));
      if (builds.length > 0) sightings.push({ ...watched, kind: "builds", builds, listed: true });
    }
    return { sightings: [...sightings, sighting], dealtWith: () => forget(over) };
  }

  /** The tasks that report for these pipelines. */
  async function takeDown(names: readonly string[]): Promise<readonly BuildOutcome[]> {
    const free = names.filter((name) => pipelines.fate(name) === "named none");
    const entries = free.length > 0 ? await shelf.of(free) : [];
    return entries.map(({ text }) => JSON.parse(text) as BuildOutcome);
  }

  async function forget(names: readonly string[]): Promise<void> {
    if (names.length > 0) await shelf.remove(names);
    for (const name of names) held?.delete(name);
  }

  return {
    async settle(sighting) {
      held ??= new Set(await shelf.keys());
      if (sighting.kind === "builds") return see(sighting, held);
      if (canEndWaiting(sighting)) return close(sighting, held);
      if (sighting.kind === "watches") pipelines.watch(sighting.watches.filter(({ source }) => source === pipelineRuns));
      return { sightings: [sighting], dealtWith: async () => {} };
    },
  };
}

function canEndWaiting(sighting: BuildSighting): sighting is Extract<BuildSighting, { kind: "synced" | "trouble" }> {
  if (sighting.kind === "trouble") return sighting.source === pipelineRuns && refusals.has(sighting.reason);
  return sighting.kind === "synced" && (sighting.source === pipelineRuns || sighting.source === taskRuns);
}

/** The same for a complete set of builds. */
export function settleAll(
  outcomes: readonly BuildOutcome[],
  { reportsItself, failedImages }: Pick<OwnershipSettings, "reportsItself" | "failedImages">,
): readonly BuildOutcome[] {
  const pipelines = outcomes.filter(({ build, kind }) => build?.kind === "PipelineRun" && kind !== "pending");
  const fates = new Map(pipelines.map((outcome) => [nameOf(outcome.build), fateOf(outcome, failedImages)]));
  return outcomes.map((outcome) => {
    if (!isTask(outcome)) return outcome;
    const fate = fates.get(outcome.madeFor);
    return fate === "left alone" || (fate === "named images" && !reportsItself(outcome)) ? owned(outcome) : outcome;
  });
}

/** Whether this is an ended build that is part of a pipeline. */
function isTask(outcome: BuildOutcome): outcome is BuildOutcome & BuildFacts & { readonly madeFor: string } {
  return (outcome.kind === "succeeded" || outcome.kind === "failed") && outcome.madeFor !== undefined;
}

function owned({ phase, build }: BuildOutcome): BuildOutcome {
  return { kind: "ignored", phase, build, because: "owned" };
}

function entryOf(outcome: BuildOutcome) {
  const key = (isTask(outcome) && outcome.madeFor) || "";
  return { key, name: outcome.build?.uid ?? "", text: JSON.stringify(outcome) };
}
