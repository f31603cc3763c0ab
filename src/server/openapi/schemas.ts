import { failureReasons } from "../../core/jobs/errors.ts";
import { severities } from "../../core/jobs/findings.ts";
import { jobOutcomes } from "../../core/jobs/job-outcome.ts";
import { problemKinds } from "../../core/jobs/problems.ts";
import { jobStates } from "../../queue/job-queue.ts";

export type Schema = Readonly<Record<string, unknown>>;

export const text = { type: "string" };
const time = { type: "string", format: "date-time" };
const count = { type: "integer", minimum: 0 };
export const state = { enum: jobStates };
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
export const list = (items: Schema) => ({ type: "array", items });

/** An object with exactly these fields; those with a question mark are optional. */
export function object(fields: Readonly<Record<string, Schema>>): Schema {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name.replace("?", ""), schema]));
  const required = Object.keys(fields).filter((name) => !name.endsWith("?"));
  return { type: "object", additionalProperties: false, properties, required };
}

export const image = { ...text, description: "registry/repository@sha256:…, or with a tag where there is no digest." };

const Job = {
  id: text,
  group: { ...text, description: "What the jobs of one build or image share: one for each analyzer." },
  analyzer: text,
  subject: { ...text, description: "The build as namespace/name, else the image." },
  state,
  outcome: { enum: jobOutcomes, description: "What became of it: the state, and for a job that is done how its analysis goes." },
  attempts: count,
  createdAt: { ...time, description: "When it was seen." },
  updatedAt: time,
  "dueAt?": { ...time, description: "When it is tried next; only while it waits." },
  "error?": ref("Failure"),
  "result?": ref("Result"),
  job: ref("Content"),
};

/** Everything that answers of the API are made of, by name. */
export const schemas: Readonly<Record<string, Schema>> = {
  Job: object(Job),
  JobWithChain: object({ ...Job, chain: object({ "foundation?": image, first: ref("Link") }) }),
  Link: object({
    id: text,
    "build?": text,
    state,
    takesFiles: { type: "boolean", description: "Whether it only takes files from the image it follows." },
    madeOnIt: list(ref("Link")),
  }),
  Failure: object({
    reason: { enum: Object.keys(failureReasons) },
    message: text,
    "host?": text,
    "givenUpAfter?": count,
    "remedy?": text,
  }),
  Content: object({
    cause: { enum: ["build", "scan", "webhook", "command-line"] },
    "build?": object({ kind: text, namespace: text, name: text, uid: text }),
    "buildConfig?": {
      ...text,
      description: "namespace/name of the BuildConfig; of another kind Build:, Pipeline: or Task: and that",
    },
    "output?": image,
    "base?": image,
    "inputs?": { ...list(image), description: "Images the build only took files from." },
    "origin?": text,
    "commit?": text,
    "trigger?": text,
    "place?": {
      ...object({ at: count, of: count }),
      description: "Which of the images of its build this is, from 1; absent if the build made only one.",
    },
    "leftOut?": count,
    "completedAt?": text,
  }),
  Analysis: object({
    of: text,
    id: text,
    cached: { type: "boolean" },
    "state?": { enum: ["running", "succeeded", "failed"] },
    "endedAt?": time,
  }),
  Findings: object({
    coverage: { enum: ["complete", "partial", "unknown"], description: "How much of the image could be looked at." },
    "why?": text,
    "severities?": object(Object.fromEntries(severities.map((severity) => [severity, count]))),
    "fixable?": count,
    "policyViolations?": count,
    "packages?": count,
  }),
  Result: object({
    "output?": image,
    "base?": image,
    analyses: list(ref("Analysis")),
    "findings?": ref("Findings"),
    "copiedAt?": time,
    "submittedAt?": time,
    notes: list(text),
    "link?": text,
    "sameAs?": { ...text, description: "The job for the same image whose result this is." },
  }),
  Tracked: object({
    buildConfig: text,
    "jobId?": text,
    "build?": text,
    "completedAt?": text,
    "state?": state,
    "outcome?": { enum: jobOutcomes },
    jobs: {
      ...list(object({ id: text, analyzer: text, outcome: { enum: jobOutcomes }, "image?": image })),
      description: "The build's jobs, one an image and analyzer, the worst first. The other fields are those of the first.",
    },
    "image?": image,
    analyses: list(ref("Analysis")),
    "link?": text,
  }),
  Problem: object({
    kind: { enum: problemKinds },
    title: { ...text, description: "What does not work, by name." },
    "detail?": { ...text, description: "What the other side said." },
    "remedy?": { ...text, description: "What a person can do about it." },
    waiting: { ...count, description: "Jobs that are retried until it ends." },
    failed: { ...count, description: "Jobs that it ended." },
    "since?": time,
    "reason?": { enum: Object.keys(failureReasons) },
    "host?": text,
    "analyzer?": { ...text, description: "The analyzer that its jobs wait for." },
  }),
  Trouble: object({ namespace: text, message: text, since: time }),
  Status: object({
    name: { const: "build-watcher" },
    version: text,
    problems: { ...list(ref("Problem")), description: "Everything that is wrong now, biggest first." },
    namespaces: { ...list(text), description: "* is the whole cluster." },
    track: list(text),
    ready: { type: "boolean" },
    notReadyBecause: list(text),
    troubles: list(ref("Trouble")),
    startedAt: time,
    "lastEventAt?": time,
    "lastListAt?": time,
    "lastSignAt?": time,
    builds: {
      ...object({
        running: count,
        failed: count,
        listed: list(
          object({
            build: { ...text, description: "namespace/name" },
            kind: text,
            "buildConfig?": text,
            state: { enum: ["failed", "running", "waiting"] },
            "reason?": text,
            "since?": time,
          }),
        ),
      }),
      description: "Builds that run, and BuildConfigs whose last build failed within a week; at most 50 of each are listed.",
    },
    jobs: object(Object.fromEntries(jobStates.map((name) => [name, count]))),
    outcomes: object(Object.fromEntries(jobOutcomes.map((name) => [name, count]))),
    "oldestWaitingAt?": time,
    replicas: {
      ...list(
        object({
          name: text,
          isSelf: { type: "boolean", description: "Whether it is the one that answers." },
          isAlive: { type: "boolean", description: "False when it gave no sign of life lately." },
          startedAt: time,
          lastSignAt: time,
          running: list(object({ id: text, "subject?": text, since: time })),
        }),
      ),
      description: "The bots that work on the same queue, and the jobs each of them runs.",
    },
    endpoint: object({ state: { enum: ["unknown", "up", "down"] }, "acceptedAt?": time, "failedAt?": time, "message?": text }),
    lastHour: object({ done: count, failed: count, analysesFailed: count }),
  }),
  FoundPackage: object({
    name: { ...text, description: "A Maven artifact with its group before a colon." },
    version: text,
    purl: text,
    layer: { ...text, description: "The digest of the layer that brought it." },
    origin: {
      description: "Whose layer that is. Fix a base image's package in the base image.",
      oneOf: [object({ kind: { const: "own" } }), object({ kind: { const: "base" }, image, "buildConfig?": text })],
    },
  }),
  FoundImage: object({
    image,
    digest: text,
    "platform?": text,
    "job?": text,
    "namespace?": text,
    "build?": text,
    "state?": state,
    "commit?": text,
    "completedAt?": text,
    "base?": image,
    packages: list(ref("FoundPackage")),
  }),
  FoundPackages: object({
    groups: list(
      object({
        subject: { ...text, description: "A BuildConfig as namespace/name, else an image." },
        isCurrent: { type: "boolean", description: "Whether its newest build has it still." },
        newest: ref("FoundImage"),
        older: list(ref("FoundImage")),
      }),
    ),
    more: { type: "boolean", description: "Whether there are more images than are listed." },
    coverage: {
      ...object({ complete: count, partial: count, unknown: count }),
      description: "How many images were read, and how many of them not completely: an answer says nothing of the rest of those.",
    },
  }),
  Error: object({ error: text }),
};
