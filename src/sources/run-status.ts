import type { BuildPhase } from "../core/build-outcome.ts";
import { longestId, outsideText } from "../core/outside-text.ts";
import { entries } from "./fields.ts";

/** A condition as Tekton and Shipwright have them. */
export interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** How far a run is: by the status of its condition `Succeeded`; reasons are texts, but for those that say it was cancelled. */
export interface RunEnd {
  readonly phase: Extract<BuildPhase, "Pending" | "Running" | "Complete" | "Failed" | "Cancelled">;
  readonly reason: string;
}

const cancelled: ReadonlySet<unknown> = new Set(["BuildRunCanceled", "Cancelled", "PipelineRunCancelled", "TaskRunCancelled"]);

/** Reads the conditions of a run; a run that may yet change (`isFinal` false) has not ended. */
export function endOf(conditions: readonly Condition[] | null | undefined, hasStarted: boolean, isFinal: boolean): RunEnd {
  const condition = entries(conditions).find(({ type }) => type === "Succeeded");
  const reason = outsideText(condition?.reason, longestId) ?? "";
  const status = isFinal ? condition?.status : "Unknown";
  if (status === "True") return { phase: "Complete", reason };
  if (status === "False") return { phase: cancelled.has(condition?.reason) ? "Cancelled" : "Failed", reason };
  return { phase: hasStarted ? "Running" : "Pending", reason };
}
