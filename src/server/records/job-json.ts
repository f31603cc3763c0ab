import { kindOf } from "../../core/builds/build.ts";
import { isoTime } from "../../core/clock.ts";
import { formatImageName } from "../../core/images/image-name.ts";
import { describeJob, groupOf, type Job } from "../../core/jobs/job.ts";
import { outcomeOf } from "../../core/jobs/job-outcome.ts";
import { remedyFor } from "../../core/jobs/remedies.ts";
import type { JobRecord, JobResult } from "../../queue/job-queue.ts";

/** A record for programs: names as text, times as RFC 3339. `openapi/schemas.ts` describes it. */
export function jobJson({ job, state, attempts, createdAt, updatedAt, dueAt, error, result }: JobRecord) {
  return {
    id: job.id,
    group: groupOf(job),
    analyzer: job.analyzer,
    subject: describeJob(job),
    state,
    outcome: outcomeOf(state, result),
    attempts,
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
    dueAt: maybeIso(dueAt),
    error: error && { ...error, remedy: remedyFor({ ...error, host: undefined }) },
    result: result && resultJson(result),
    job: contentJson(job),
  };
}

/** A BuildConfig with its last build: that build's worst job, and all its jobs, worst first. */
export function trackedJson(buildConfig: string, jobs: readonly JobRecord[]) {
  const { job, state, result } = jobs[0] ?? {};
  return {
    buildConfig,
    jobId: job?.id,
    build: job?.build?.name,
    completedAt: job?.completedAt,
    state,
    outcome: state && outcomeOf(state, result),
    jobs: jobs.map((each) => ({
      id: each.job.id,
      analyzer: each.job.analyzer,
      outcome: outcomeOf(each.state, each.result),
      image: imageOf(each),
    })),
    image: jobs[0] && imageOf(jobs[0]),
    analyses: result ? resultJson(result).analyses : [],
    link: result?.link,
  };
}

function imageOf({ job, result }: JobRecord): string | undefined {
  return result?.output ?? (job.output && formatImageName(job.output));
}

function contentJson({
  cause,
  build,
  buildConfig,
  output,
  base,
  inputs,
  origin,
  commit,
  trigger,
  completedAt,
  place,
  leftOut,
}: Job) {
  return {
    cause,
    build: build && { kind: kindOf(build), namespace: build.namespace, name: build.name, uid: build.uid },
    buildConfig,
    output: output && formatImageName(output),
    base: base && formatImageName(base),
    inputs: inputs?.map(formatImageName),
    origin,
    commit,
    trigger,
    place,
    leftOut,
    completedAt,
  };
}

function resultJson({ output, base, analyses, findings, copiedAt, submittedAt, notes, link, sameAs }: JobResult) {
  return {
    output,
    base,
    analyses: analyses.map(({ of, id, cached, state, endedAt }) => ({ of, id, cached, state, endedAt: maybeIso(endedAt) })),
    findings,
    copiedAt: maybeIso(copiedAt),
    submittedAt: maybeIso(submittedAt),
    notes,
    link,
    sameAs,
  };
}

function maybeIso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : isoTime(at);
}
