/**
 * What became of a job, in one word that people can count and act on. A job that ended well is `submitted` until its analysis is known to run
 * (`analysing`), then `analysed` or `analysis-failed`; `done` means that there was nothing to analyse.
 */
export const jobOutcomes = [
  "waiting",
  "running",
  "submitted",
  "analysing",
  "analysed",
  "analysis-failed",
  "done",
  "failed",
  "dismissed",
] as const;
export type JobOutcome = (typeof jobOutcomes)[number];

/** What a done job's result says of its analyses. */
export interface AnalysedResult {
  readonly analyses?: readonly { readonly state?: "running" | "succeeded" | "failed" }[];
  readonly findings?: unknown;
}

/** Outcomes that call for a person, and that a further push or submission of the same image tries again. */
export const failedOutcomes: readonly JobOutcome[] = ["failed", "analysis-failed"];

/** The outcome of a job in a state of the queue's. */
export function outcomeOf(
  state: "waiting" | "running" | "done" | "failed" | "dismissed",
  result: AnalysedResult | undefined,
): JobOutcome {
  return state === "done" ? analysisOutcome(result) : state;
}

function analysisOutcome({ analyses = [], findings }: AnalysedResult = {}): JobOutcome {
  const states = analyses.map(({ state }) => state).filter((state) => state !== undefined);
  if (states.includes("running")) return "analysing";
  if (states.includes("failed")) return "analysis-failed";
  if (states.length > 0) return "analysed";
  if (analyses.length > 0) return "submitted";
  return findings === undefined ? "done" : "analysed";
}
