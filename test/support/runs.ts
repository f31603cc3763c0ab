import { readFileSync } from "node:fs";

/** An object of another build system; deep parts are replaced by name. */
export type RunObject = Record<string, unknown> & {
  metadata: Record<string, unknown> & { name: string; namespace: string; uid: string };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
};

/** A BuildRun, TaskRun or PipelineRun as its controller leaves it, with other parts where given. */
export function aRun(kind: "buildrun" | "taskrun" | "pipelinerun", change: (run: RunObject) => void = () => {}): RunObject {
  const run = JSON.parse(readFileSync(new URL(`../fixtures/runs/${kind}.json`, import.meta.url), "utf8")) as RunObject;
  change(run);
  return run;
}

/** The condition that tells how far a run is. */
export function condition(status: "True" | "False" | "Unknown", reason: string): readonly object[] {
  return [{ type: "Succeeded", status, reason, message: reason, lastTransitionTime: "2026-11-26T10:00:00Z" }];
}

/** Text results. */
export function results(texts: Readonly<Record<string, unknown>>): readonly object[] {
  return Object.entries(texts).map(([name, value]) => ({ name, value }));
}
