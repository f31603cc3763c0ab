import { readFileSync } from "node:fs";

/** An object of another build system; deep parts are replaced by name. */
export type RunObject = Record<string, unknown> & {
  metadata: Record<string, unknown> & { name: string; namespace: string; uid: string };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
};

/** The pod of each kind of builds of other build systems than OpenShift's: its label, its container, and whether it is a task of Tekton's. */
const pods = {
  BuildRun: { label: "buildrun.shipwright.io/name", container: "step-build", isTask: true },
  PipelineRun: { label: "tekton.dev/pipelineRun", container: "step-build", isTask: true },
  TaskRun: { label: "tekton.dev/taskRun", container: "step-build", isTask: true },
  KpackBuild: { label: "kpack.io/build", container: "build", isTask: false },
} as const;

export type RunKind = keyof typeof pods;

/** One of them as its controller leaves it, with other parts where given. */
export function aRun(kind: RunKind, change: (run: RunObject) => void = () => {}): RunObject {
  const run = JSON.parse(
    readFileSync(new URL(`../fixtures/runs/${kind.toLowerCase()}.json`, import.meta.url), "utf8"),
  ) as RunObject;
  change(run);
  return run;
}

/** The pod that a run works in, and the name of its only container. */
export function podOf(kind: RunKind, { metadata: { namespace, name } }: RunObject, phase = "Succeeded") {
  const { label, container, isTask } = pods[kind];
  const labels = { [label]: name, ...(isTask && { "tekton.dev/pipelineTask": "build" }) };
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
