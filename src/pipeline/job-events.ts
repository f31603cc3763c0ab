import { createHash } from "node:crypto";
import { kindOf } from "../core/build.ts";
import { describeJob, groupOf } from "../core/job.ts";
import { remedyFor } from "../core/remedies.ts";
import type { Notification } from "../notifications/notifier.ts";
import type { JobAnalysis, JobQueue, JobRecord } from "../queue/job-queue.ts";
import type { FollowResult, FollowWork } from "./follow-analyses.ts";
import { describeWorsening, worseThanBefore } from "./worse-findings.ts";

const types = {
  submitted: "io.build_watcher.job.submitted.v1",
  done: "io.build_watcher.job.done.v1",
  failed: "io.build_watcher.job.failed.v1",
  finished: "io.build_watcher.analysis.finished.v1",
  worse: "io.build_watcher.findings.worse.v1",
} as const;

/** What is to be told of a job that ended; undefined when there is nothing to tell. */
export function eventOfJob(record: JobRecord): Notification | undefined {
  const { state, updatedAt, error, result } = record;
  if (state === "done" && result && result.analyses.length > 0) {
    const data = {
      ...factsOf(record),
      analyses: result.analyses.map(analysisFacts),
      findings: result.findings,
      notes: shortened(result.notes),
    };
    return event(types.submitted, record, result.submittedAt ?? updatedAt, String(updatedAt), data);
  }
  if (state === "done" && result && (result.findings || record.job.analyzer === "none")) {
    return event(types.done, record, updatedAt, String(updatedAt), {
      ...factsOf(record),
      findings: result.findings,
      notes: shortened(result.notes),
    });
  }
  if (state === "failed" && error) {
    const { reason, message, givenUpAfter } = error;
    const data = {
      ...factsOf(record),
      error: { reason, message: cut(message, 1_000), remedy: remedyFor({ reason, givenUpAfter }) },
    };
    return event(types.failed, record, updatedAt, String(updatedAt), data);
  }
  return undefined;
}

/** What is to be told of an analysis that ended, by its job's record; undefined when there is nothing to tell. */
export function eventOfAnalysis({ analysisId }: FollowWork, end: FollowResult, record: JobRecord): Notification | undefined {
  const analysis = record.result?.analyses.find(({ id }) => id === analysisId);
  if (!analysis || end.state === undefined) return undefined;
  const notes = record.result?.notes.filter((note) => note.includes(analysisId)) ?? [];
  const data = {
    ...factsOf(record),
    analysis: analysisFacts({ ...analysis, ...end }),
    findings: record.result?.findings,
    notes: shortened(notes),
  };
  return event(types.finished, record, end.endedAt ?? record.updatedAt, analysisId, data);
}

/** What is to be told of a build whose findings are worse than those of the build before it; undefined when they are not. */
export async function eventOfFindings(record: JobRecord, jobs: Pick<JobQueue, "recent">): Promise<Notification | undefined> {
  const worse = await worseThanBefore(record, jobs);
  if (!worse) return undefined;
  const { before, more } = worse;
  const data = {
    ...factsOf(record),
    summary: describeWorsening(worse),
    findings: record.result?.findings,
    before: { job: before.job.id, build: before.job.build, image: before.result?.output, findings: before.result?.findings },
    more: Object.fromEntries(more.map(({ severity, more: count }) => [severity, count])),
  };
  return event(types.worse, record, record.updatedAt, describeWorsening(worse), data);
}

/** `occasion` tells apart what happened to one job several times; the same occasion has the same id whenever it is told. */
function event(type: string, record: JobRecord, at: number, occasion: string, data: Notification["data"]): Notification {
  const { job, result } = record;
  const id = createHash("sha256").update(`${type} ${job.id} ${occasion}`).digest("hex").slice(0, 32);
  const { build } = job;
  const source = build ? `/namespaces/${build.namespace}/${kindOf(build).toLowerCase()}s/${build.name}` : `/jobs/${job.id}`;
  const time = new Date(at).toISOString();
  const subject = result?.output ?? describeJob(job);
  return { specversion: "1.0", id, source, type, time, subject, datacontenttype: "application/json", data };
}

function factsOf({ job, attempts, result }: JobRecord) {
  const { id, analyzer, cause, build, buildConfig, origin, commit, trigger, completedAt } = job;
  return {
    job: { id, group: groupOf(job), analyzer, cause, attempts },
    ...(build && {
      build: { ...build, buildConfig, commit: commit && cut(commit), trigger: trigger && cut(trigger), completedAt },
    }),
    ...(origin && { origin: cut(origin) }),
    image: result?.output,
    base: result?.base,
    findings: result?.findings,
    link: result?.link && cut(result.link, 1_000),
  };
}

function analysisFacts({ of, id, cached, state, endedAt }: JobAnalysis) {
  return { of, id, cached, state, ...(endedAt !== undefined && { endedAt: new Date(endedAt).toISOString() }) };
}

/** Far below the 20 kB that a receiver of web hooks can be expected to take. */
const mostNotes = 5;
const longestText = 300;

function shortened(notes: readonly string[]): readonly string[] {
  return notes.slice(0, mostNotes).map((note) => cut(note));
}

function cut(text: string, length = longestText): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
