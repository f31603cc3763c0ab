import { readFileSync } from "node:fs";

/** An object of another build system; deep parts are replaced by name. */
export type RunObject = Record<string, unknown> & {
  metadata: Record<string, unknown> & { name: string; namespace: string; uid: string };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
};

/** The kinds of builds of other build systems than OpenShift's. */
export type RunKind = "BuildRun" | "TaskRun" | "PipelineRun" | "KpackBuild";

/** One of them as its controller leaves it, with other parts where given. */
export function aRun(kind: RunKind, change: (run: RunObject) => void = () => {}): RunObject {
  const run = JSON.parse(
    readFileSync(new URL(`../fixtures/runs/${kind.toLowerCase()}.json`, import.meta.url), "utf8"),
  ) as RunObject;
  change(run);
  return run;
}

/** The label of a run's pods. */
const podLabels: Readonly<Record<string, string>> = {
  BuildRun: "buildrun.shipwright.io/name",
  PipelineRun: "tekton.dev/pipelineRun",
  TaskRun: "tekton.dev/taskRun",
  Build: "kpack.io/build",
};

/** The pod that a run works in, and the name of its only container. */
export function podOf({ kind, metadata: { namespace, name } }: RunObject, phase = "Succeeded") {
  const isKpack = kind === "Build";
  const container = isKpack ? "build" : "step-build";
  const labels = { [podLabels[String(kind)] ?? ""]: name, ...(!isKpack && { "tekton.dev/pipelineTask": "build" }) };
  const status = { phase, startTime: "2026-11-26T10:00:00Z" };
  return { container, metadata: { namespace, name: `${name}-pod`, labels }, spec: { containers: [{ name: container }] }, status };
}

/** The condition that tells how far a run is. */
export function condition(status: "True" | "False" | "Unknown", reason: string): readonly object[] {
  return [{ type: "Succeeded", status, reason, message: reason, lastTransitionTime: "2026-11-26T10:00:00Z" }];
}

/** Text results. */
export function results(texts: Readonly<Record<string, unknown>>): readonly object[] {
  return Object.entries(texts).map(([name, value]) => ({ name, value }));
}
