import type { BuildPhase } from "../../core/builds/build-outcome.ts";
import { longestId, outsideText } from "../../core/outside-text.ts";
import { entries } from "./fields.ts";

/** A condition of Tekton and Shipwright. */
export interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** How far a run is: by the status of its condition `Succeeded`. Of the reasons only those for cancelling matter. */
export interface RunEnd {
  readonly phase: Extract<BuildPhase, "Pending" | "Running" | "Complete" | "Failed" | "Cancelled">;
  readonly reason: string;
}

const cancelled: ReadonlySet<unknown> = new Set(["BuildRunCanceled", "Cancelled", "PipelineRunCancelled", "TaskRunCancelled"]);

/** Reads the conditions of a run. A run that can still change (`isFinal` false) has not ended. */
export function endOf(conditions: readonly Condition[] | null | undefined, hasStarted: boolean, isFinal: boolean): RunEnd {
  const condition = entries(conditions).find(({ type }) => type === "Succeeded");
  const reason = outsideText(condition?.reason, longestId) ?? "";
  const status = isFinal ? condition?.status : "Unknown";
  if (status === "True") return { phase: "Complete", reason };
  if (status === "False") return { phase: cancelled.has(condition?.reason) ? "Cancelled" : "Failed", reason };
  return { phase: hasStarted ? "Running" : "Pending", reason };
}
