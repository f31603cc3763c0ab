import type { AnalysisStatus } from "../../analyzers/analyzer.ts";
import type { Clock } from "../../core/clock.ts";
import { type AnalysisProgress, judgeAnalysis } from "../../core/jobs/analysis-progress.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { mergeFindings } from "../../core/jobs/findings.ts";
import type { JobAnalysis, JobHandler, JobQueue, JobRecord, JobResult } from "../../queue/job-queue.ts";

/** An analysis that is followed until it ends. */
export interface FollowWork {
  readonly id: string;
  readonly analyzer: string;
  readonly jobId: string;
  readonly analysisId: string;
}

/** How a followed analysis ended; empty when that is unknown or no longer matters. */
export interface FollowResult {
  readonly state?: "succeeded" | "failed";
  readonly endedAt?: number;
}

export type FollowQueue = JobQueue<FollowWork, FollowResult>;

export interface FollowParts {
  /** The jobs whose analyses are followed, and whose records keep the result. */
  readonly jobs: Pick<JobQueue, "find" | "amend">;
  /** Undefined if this analyzer can no longer be asked. */
  readonly ask: (analyzer: string, analysisId: string, signal: AbortSignal) => Promise<AnalysisStatus | undefined>;
  /** Milliseconds for which an analysis is followed after its submission. */
  readonly followFor: number;
  readonly clock: Clock;
}

/** A job's analyses that are not known to have ended. */
export function analysesToFollow({ job, state, result }: JobRecord): readonly FollowWork[] {
  if (state !== "done" || !result) return [];
  return result.analyses
    .filter((analysis) => !hasEnded(analysis))
    .map(({ id }) => ({ id: `follow-${id}-${job.id}`, analyzer: job.analyzer, jobId: job.id, analysisId: id }));
}

/** Asks about an analysis once and keeps the answer in its job's record. If it still runs, it asks again later without holding a worker. */
export function createFollowHandler({ jobs, ask, followFor, clock }: FollowParts): JobHandler<FollowWork, FollowResult> {
  return async function handleFollow({ jobId, analysisId }, signal): Promise<FollowResult> {
    const record = await jobs.find(jobId);
    const analysis = record?.result?.analyses.find(({ id }) => id === analysisId);
    if (!record?.result || !analysis) return {};
    if (hasEnded(analysis)) return endOf(analysis);
    const status = await ask(record.job.analyzer, analysisId, signal);
    if (!status) {
      await jobs.amend(jobId, (result) => withoutProgress(result, analysisId, leftNote(analysisId)));
      return {};
    }
    const since = record.result.submittedAt ?? record.updatedAt;
    const terms = { now: clock.now(), since, followFor, answersFor: analysis.of !== "build-log" };
    const progress = judgeAnalysis(status, terms);
    await jobs.amend(jobId, (result) => withProgress(result, analysisId, progress, status));
    const { retryAfter } = status;
    if (progress.kind === "pending")
      throw new JobError("AnalysisPending", `The analysis ${analysisId} has not ended yet`, {
        ...(retryAfter !== undefined && { retryAfter }),
      });
    return progress.kind === "ended" ? endOf(progress) : {};
  };
}

/** The note for an analysis that is no longer followed. */
export function leftNote(id: string): string {
  return `The analysis ${id} had not ended when the bot last asked; it is no longer followed.`;
}

/** The result without running analyses, and with a note why; the same object if nothing changes. */
export function withoutProgress(result: JobResult, id: string, note: string, onlyRunning = true): JobResult {
  const isRunning = result.analyses.some((analysis) => analysis.id === id && analysis.state === "running");
  const isNoted = result.notes.includes(note);
  if (!isRunning && (onlyRunning || isNoted)) return result;
  const analyses = result.analyses.map((analysis) => {
    const { state: _, ...left } = analysis;
    return analysis.id === id ? left : analysis;
  });
  return { ...result, analyses, notes: isNoted ? result.notes : [...result.notes, note] };
}

function hasEnded({ state }: JobAnalysis): boolean {
  return state === "succeeded" || state === "failed";
}

function endOf({ state, endedAt }: Pick<JobAnalysis, "state" | "endedAt">): FollowResult {
  return state === undefined || state === "running" ? {} : { state, ...(endedAt !== undefined && { endedAt }) };
}

/** The result with the new state of one analysis; the same object if nothing is new. */
function withProgress(result: JobResult, id: string, progress: AnalysisProgress, { link, findings }: AnalysisStatus): JobResult {
  if (progress.kind === "given-up") return leave(result, id, progress);
  const known: Pick<JobAnalysis, "state" | "endedAt"> =
    progress.kind === "ended" ? { state: progress.state, endedAt: progress.endedAt } : { state: "running" };
  const note = noteOf(id, progress);
  const isNew = result.analyses.some((analysis) => analysis.id === id && analysis.state !== known.state);
  if (!isNew) return result;
  return {
    ...result,
    analyses: result.analyses.map((analysis) => (analysis.id === id ? { ...analysis, ...known } : analysis)),
    notes: [...result.notes.filter((other) => other !== leftNote(id)), ...(note === undefined ? [] : [note])],
    ...(link !== undefined && result.link === undefined && { link }),
    ...(findings && { findings: mergeFindings(result.findings, findings) }),
  };
}

/** It is no longer followed, so the record must not say for ever that it runs. */
function leave(result: JobResult, id: string, { because }: AnalysisProgress & { readonly kind: "given-up" }): JobResult {
  if (because === "unknown") return withoutProgress(result, id, leftNote(id));
  const note = `The analysis ${id} still ran when the bot last asked; it is no longer followed (BUILD_WATCHER_FOLLOW_FOR).`;
  return withoutProgress(result, id, note, false);
}

function noteOf(id: string, progress: AnalysisProgress): string | undefined {
  if (progress.kind === "ended" && progress.state === "failed")
    return `The analysis ${id} failed: ${progress.reason ?? "no reason given"}.`;
  return undefined;
}
