import type { BuildOutcome } from "../core/build-outcome.ts";

/** Sees to it that one image is reported by one object: the PipelineRun where it names images, else the TaskRun that made them. */
export interface Ownership {
  /** What is left of outcomes seen together, and what they set free of those seen before. */
  settle(outcomes: readonly BuildOutcome[]): readonly BuildOutcome[];
}

/** Pipelines and waiting tasks that are remembered; the oldest is forgotten for a newer one. */
const mostRemembered = 10_000;

/** What became of a pipeline: whether its tasks are to report for it, or to be left alone with it. */
type Fate = "named images" | "named none" | "left alone";

/** `reportsAll`: every TaskRun reports its images at once, whatever its pipeline will say. */
export function createOwnership(reportsAll: boolean): Ownership {
  const fates = new Map<string, Fate>();
  const waiting = new Map<string, BuildOutcome[]>();

  function settleOne(outcome: BuildOutcome): readonly BuildOutcome[] {
    const { build } = outcome;
    if (build?.kind === "PipelineRun" && outcome.kind !== "pending") return [outcome, ...endPipeline(outcome)];
    const pipeline = "madeFor" in outcome ? outcome.madeFor : undefined;
    if (pipeline === undefined || !(outcome.kind === "succeeded" || outcome.kind === "failed")) return [outcome];
    const fate = fates.get(pipeline);
    if (fate === "named none" || (reportsAll && fate !== "left alone")) return [outcome];
    if (fate === undefined) remember(waiting, pipeline, [...(waiting.get(pipeline) ?? []), outcome]);
    return [{ kind: "ignored", phase: outcome.phase, build: outcome.build, because: "owned" }];
  }

  function endPipeline(outcome: BuildOutcome): readonly BuildOutcome[] {
    const { build } = outcome;
    const name = `${build?.namespace}/${build?.name}`;
    const isNamed = "outputs" in outcome && outcome.outputs.length > 0;
    // One that is left alone on purpose takes its tasks with it.
    const isLeftAlone = outcome.kind === "ignored" && (outcome.because === "excluded" || outcome.because === "owned");
    const fate = isLeftAlone ? "left alone" : isNamed ? "named images" : "named none";
    remember(fates, name, fate);
    const freed = fate === "named none" ? (waiting.get(name) ?? []) : [];
    waiting.delete(name);
    return freed;
  }

  return { settle: (outcomes) => outcomes.flatMap(settleOne) };
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > mostRemembered && oldest !== undefined) memory.delete(oldest);
}
