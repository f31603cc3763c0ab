import type { AnalysisStatus } from "../analyzers/analyzer.ts";
import { type AnalysisProgress, judgeAnalysis } from "../core/analysis-progress.ts";
import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { mergeFindings } from "../core/findings.ts";
import type { JobAnalysis, JobHandler, JobQueue, JobRecord, JobResult } from "../queue/job-queue.ts";

/** An analysis to be asked after until it has ended. */
export interface FollowWork {
  readonly id: string;
  readonly analyzer: string;
  readonly jobId: string;
  readonly analysisId: string;
}

/** How a followed analysis ended; empty when that is not known, or nobody's concern any longer. */
export interface FollowResult {
  readonly state?: "succeeded" | "failed";
  readonly endedAt?: number;
}

export type FollowQueue = JobQueue<FollowWork, FollowResult>;

export interface FollowParts {
  /** The jobs whose records tell what is to be followed, and keep what came of it. */
  readonly jobs: Pick<JobQueue, "find" | "amend">;
  /** Undefined when no such analyzer can tell any longer. */
  readonly ask: (analyzer: string, analysisId: string, signal: AbortSignal) => Promise<AnalysisStatus | undefined>;
  /** Milliseconds an analysis is followed for after its submission. */
  readonly followFor: number;
  readonly clock: Clock;
}

/** What there is to follow of a job: its analyses that are not known to have ended. */
export function analysesToFollow({ job, state, result }: JobRecord): readonly FollowWork[] {
  if (state !== "done" || !result) return [];
  return result.analyses
    .filter((analysis) => !hasEnded(analysis))
    .map(({ id }) => ({ id: `follow-${id}-${job.id}`, analyzer: job.analyzer, jobId: job.id, analysisId: id }));
}

/** Asks after an analysis once and keeps the answer in its job's record; one that still runs is asked after again, which holds no worker. */
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

/** What a record says of an analysis that was left before it ended. */
export function leftNote(id: string): string {
  return `The analysis ${id} had not ended when the bot last asked; it is no longer followed.`;
}

/** A result that no longer says that an analysis runs, and why; the very same object when it did not say so, or says why already. */
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

/** A result with what is now known of one of its analyses; the very same object when that is nothing new. */
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

/** Nobody asks any longer whether it runs, so the record must not say so for ever. */
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
