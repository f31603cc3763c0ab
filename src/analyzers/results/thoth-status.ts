import type { AnalysisStatus } from "../analyzer.ts";
import { protocolError } from "../http/answers.ts";
import { thothService } from "../service.ts";

/** The words of Thoth's User API and its workflow engine for an analysis that ended well. Any other end is a failure. */
const succeeded = /^(?:success|succeeded|successful|complete|completed|finished)$/i;
const failed = /^(?:error|errored|failed|failure|killed|terminated|cancelled|omitted)$/i;

const longestReason = 500;

/** Reads the answer of `/analyze/{id}/status`. Throws `JobError("AnalyzerProtocol")` when it has no state. */
export function readStatus({ status }: Readonly<Record<string, unknown>>): AnalysisStatus {
  const { state, reason, finished_at } = (typeof status === "object" && status !== null ? status : {}) as Record<string, unknown>;
  if (typeof state !== "string" || state === "") throw protocolError("names no state of the analysis", thothService);
  const endedAt = readTime(finished_at);
  if (!succeeded.test(state) && !failed.test(state) && endedAt === undefined) return { state: "running" };
  const time = endedAt === undefined ? {} : { endedAt };
  if (succeeded.test(state)) return { state: "succeeded", ...time };
  const why = typeof reason === "string" && reason !== "" ? reason.slice(0, longestReason) : `it ended as ${state.slice(0, 50)}`;
  return { state: "failed", reason: why, ...time };
}

function readTime(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
