import type { BuildEvent } from "../../cluster/announcer.ts";
import type { BuildKey } from "../../core/builds/build.ts";
import { formatImageName } from "../../core/images/image-name.ts";
import { describeFindings } from "../../core/jobs/findings.ts";
import { groupOf, type Job } from "../../core/jobs/job.ts";
import { remedyFor } from "../../core/jobs/remedies.ts";
import type { AttemptReport, JobAnalysis, JobRecord } from "../../queue/job-queue.ts";
import type { FollowResult, FollowWork } from "../analyses/follow-analyses.ts";

/** What the bot writes about a build into the cluster. */
export interface Announcement {
  readonly build: BuildKey;
  /** The bot's annotations; undefined removes one. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly event?: BuildEvent;
}

/** What to write after an attempt at a build's job; undefined if nothing. `first`: it is the first failure. */
export function announcementOf({ record, outcome }: AttemptReport, first: boolean): Announcement | undefined {
  const { build } = record.job;
  if (!build) return undefined;
  const fields = (own: Announcement["fields"]) => fieldsOf(record.job, own);
  switch (outcome) {
    case "done":
      return { build, fields: fields(doneFields(record)), event: doneEvent(record) };
    case "failed":
      return {
        build,
        fields: fields(failureFields("failed", record)),
        event: failureEvent("SubmissionFailed", "failed", record),
      };
    case "retrying":
      if (!first) return undefined;
      return {
        build,
        fields: fields(failureFields("retrying", record)),
        event: failureEvent("SubmissionRetrying", "retrying", record),
      };
    case "interrupted":
      return undefined;
  }
}

/** What to write when an analysis ends: only for the image that the build made. */
export function announcementOfAnalysis(
  { analysisId }: FollowWork,
  end: FollowResult,
  { job, result }: JobRecord,
): Announcement | undefined {
  if (!job.build || end.state === undefined || mainAnalysis(result?.analyses ?? [])?.id !== analysisId) return undefined;
  return {
    build: job.build,
    fields: fieldsOf(job, {
      analysis: end.state,
      "analysis-id": analysisId,
      findings: result?.findings && describeFindings(result.findings),
    }),
  };
}

/** An object may have 256 KiB of annotations: further images of a build have none. */
const mostAnnotated = 20;

/**
 * The first job of a build has the plain names; those of further analyzers begin with theirs: `rhacs-state`. If the build made several images, each has
 * its number and says which it is: `image-2-state`, `image-2-name`.
 */
function fieldsOf(job: Job, fields: Announcement["fields"]): Announcement["fields"] {
  const { place, output, analyzer } = job;
  if (place && place.at > mostAnnotated) return {};
  const named = place && output ? { name: formatImageName(output), ...fields } : fields;
  const prefix = `${groupOf(job) === job.id ? "" : `${analyzer}-`}${place ? `image-${place.at}-` : ""}`;
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [`${prefix}${name}`, value]));
}

function doneFields({ result }: JobRecord): Announcement["fields"] {
  const analysis = mainAnalysis(result?.analyses ?? []);
  return {
    state: analysis ? "submitted" : "done",
    reason: undefined,
    analysis: analysis?.state,
    "analysis-id": analysis?.id,
    findings: result?.findings && describeFindings(result.findings),
    copied: result?.copiedAt === undefined ? undefined : result.output,
    "report-url": result?.link,
  };
}

function failureFields(state: "failed" | "retrying", { error }: JobRecord): Announcement["fields"] {
  const nothing = {
    analysis: undefined,
    "analysis-id": undefined,
    findings: undefined,
    copied: undefined,
    "report-url": undefined,
  };
  return { state, reason: error?.reason, ...nothing };
}

function doneEvent(record: JobRecord): BuildEvent {
  const { output, base, analyses = [], link } = record.result ?? {};
  const image = output ?? base;
  const what = image === undefined ? "The build was submitted for analysis" : `${image} was submitted for analysis`;
  const ids = analyses.map(({ of, id }) => `${of} ${id}`).join(", ");
  const note = `${what}${ids && `: ${ids}`}${link === undefined ? "" : `; ${link}`}`;
  return { type: "Normal", reason: "Submitted", action: "Submit", note, at: record.updatedAt, occasion: occasionOf(record) };
}

function failureEvent(reason: string, occasion: "failed" | "retrying", record: JobRecord): BuildEvent {
  const { error, updatedAt: at, createdAt, job } = record;
  const remedy = error ? (remedyFor({ ...error, host: undefined }) ?? "") : "";
  // Only the reason: the answers of registries could show tenants what they must not see.
  const which = job.place && job.output ? `${formatImageName(job.output)}: ` : "";
  const note = `${which}${error?.reason}: ${remedy}`;
  // The first failure is written once, however often the job is tried.
  const told = occasion === "retrying" ? `${job.id} ${occasion} ${createdAt}` : occasionOf(record);
  return { type: "Warning", reason, action: "Submit", note, at, occasion: told };
}

function occasionOf({ job, state, updatedAt }: JobRecord): string {
  return `${job.id} ${state} ${updatedAt}`;
}

/** The analysis of the image the build made, else the first there is. */
function mainAnalysis(analyses: readonly JobAnalysis[]): JobAnalysis | undefined {
  return analyses.find(({ of }) => of === "output") ?? analyses[0];
}
