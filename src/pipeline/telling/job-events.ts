import { createHash } from "node:crypto";
import { kindOf } from "../../core/builds/build.ts";
import { formatImageName } from "../../core/images/image-name.ts";
import { describeJob, groupOf } from "../../core/jobs/job.ts";
import { remedyFor } from "../../core/jobs/remedies.ts";
import type { Notification } from "../../notifications/notifier.ts";
import type { JobAnalysis, JobQueue, JobRecord } from "../../queue/job-queue.ts";
import type { FollowResult, FollowWork } from "../analyses/follow-analyses.ts";
import { describeWorsening, worseThanBefore } from "../analyses/worse-findings.ts";

const types = {
  submitted: "io.build_watcher.job.submitted.v1",
  done: "io.build_watcher.job.done.v1",
  failed: "io.build_watcher.job.failed.v1",
  finished: "io.build_watcher.analysis.finished.v1",
  worse: "io.build_watcher.findings.worse.v1",
} as const;

/** The event for a job that ended; undefined if there is none. */
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

/** The event for an analysis that ended; undefined if there is none. */
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

/** The event for a build with worse findings than the build before; undefined if they are not worse. */
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

/** `occasion` distinguishes several events of one job. The same occasion always has the same id. */
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
  const { id, analyzer, cause, build, buildConfig, output, origin, commit, trigger, completedAt } = job;
  return {
    job: { id, group: groupOf(job), analyzer, cause, attempts },
    ...(build && {
      build: { ...build, buildConfig, commit: commit && cut(commit), trigger: trigger && cut(trigger), completedAt },
    }),
    ...(origin && { origin: cut(origin) }),
    image: result?.output ?? (output && formatImageName(output)),
    base: result?.base,
    findings: result?.findings,
    link: result?.link && cut(result.link, 1_000),
  };
}

function analysisFacts({ of, id, cached, state, endedAt }: JobAnalysis) {
  return { of, id, cached, state, ...(endedAt !== undefined && { endedAt: new Date(endedAt).toISOString() }) };
}

/** Far below the 20 kB that receivers of web hooks usually accept. */
const mostNotes = 5;
const longestText = 300;

function shortened(notes: readonly string[]): readonly string[] {
  return notes.slice(0, mostNotes).map((note) => cut(note));
}

function cut(text: string, length = longestText): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
