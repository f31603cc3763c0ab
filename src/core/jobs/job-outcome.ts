/**
 * The outcome of a job, in one word that people can count and act on. A job that ended well is `submitted` until its analysis is known to run
 * (`analysing`), then `analysed` or `analysis-failed`. An analysis that is no longer followed is `submitted` again. `done` means that there was
 * nothing to analyse.
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

/** Outcomes that need a person. Another push or submission of the same image retries them. */
export const failedOutcomes: readonly JobOutcome[] = ["failed", "analysis-failed"];

/** The outcome of a job in this state of the queue. */
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

/** How an outcome is shown: a word, and a sign that works without colour. */
export const outcomeWords: Readonly<Record<JobOutcome, { readonly word: string; readonly sign: string }>> = {
  waiting: { word: "waiting", sign: "○" },
  running: { word: "running", sign: "◐" },
  submitted: { word: "submitted", sign: "✓" },
  analysing: { word: "analysing", sign: "◐" },
  analysed: { word: "analysed", sign: "✓" },
  "analysis-failed": { word: "analysis failed", sign: "✕" },
  done: { word: "done", sign: "✓" },
  failed: { word: "failed", sign: "✕" },
  dismissed: { word: "dismissed", sign: "–" },
};

/** How many jobs have which outcome. */
export type OutcomeCounts = Readonly<Record<JobOutcome, number>>;

/** The jobs of all analyzers together, by outcome. */
export function countOutcomes(tally: readonly { readonly outcome: JobOutcome; readonly jobs: number }[]): OutcomeCounts {
  const counts = Object.fromEntries(jobOutcomes.map((outcome) => [outcome, 0])) as Record<JobOutcome, number>;
  for (const { outcome, jobs } of tally) counts[outcome] += jobs;
  return counts;
}

/** Those shown even when their count is 0. */
const alwaysNamed: readonly JobOutcome[] = ["waiting", "running", "failed"];

/** The outcomes to show: those that occur, and those worth a 0. */
export function shownOutcomes(counts: OutcomeCounts): readonly JobOutcome[] {
  return jobOutcomes.filter((outcome) => counts[outcome] > 0 || alwaysNamed.includes(outcome));
}

/** The counts in one line: `2 waiting, 0 running, 3 analysed, 1 analysis failed, 0 failed`. */
export function countsLine(counts: OutcomeCounts, noteOf: (outcome: JobOutcome) => string = () => ""): string {
  return shownOutcomes(counts)
    .map((outcome) => `${counts[outcome]} ${outcomeWords[outcome].word}${noteOf(outcome)}`)
    .join(", ");
}
