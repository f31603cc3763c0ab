import { failureReasons } from "../core/jobs/errors.ts";
import { severities } from "../core/jobs/findings.ts";
import { jobCauses } from "../core/jobs/job.ts";
import { jobOutcomes } from "../core/jobs/job-outcome.ts";
import { problemKinds } from "../core/jobs/problems.ts";
import { jobStates } from "../queue/job-queue.ts";
import { periods } from "./records/list-filter.ts";

type Schema = Readonly<Record<string, unknown>>;

const text = { type: "string" };
const time = { type: "string", format: "date-time" };
const count = { type: "integer", minimum: 0 };
const state = { enum: jobStates };
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const list = (items: Schema) => ({ type: "array", items });

/** An object with exactly these fields; those with a question mark are optional. */
function object(fields: Readonly<Record<string, Schema>>): Schema {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name.replace("?", ""), schema]));
  const required = Object.keys(fields).filter((name) => !name.endsWith("?"));
  return { type: "object", additionalProperties: false, properties, required };
}

const image = { ...text, description: "registry/repository@sha256:…, or with a tag where there is no digest." };

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

const schemas: Readonly<Record<string, Schema>> = {
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
    namespaces: { ...list(text), description: "* stands for the whole cluster." },
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
    lastHour: object({ done: count, failed: count }),
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

function answers(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

const error = (description: string) => answers(description, ref("Error"));
const id = { name: "id", in: "path", required: true, schema: text };
const query = (name: string, schema: Schema, description: string) => ({ name, in: "query", schema, description });
/** Calls that only read. */
const reading = {
  security: [{}],
  description:
    "Needs no token. Outside a pod, requests from the bot's own machine must name it by address, as localhost or by BUILD_WATCHER_PUBLIC_URL, or they are answered with 421.",
};
const changing = {
  security: [{ token: [] }, {}],
  description:
    "Needs BUILD_WATCHER_API_TOKEN as a bearer token. Without that setting, programs on the bot's own machine can call it with no token, but in a pod nobody can. People change jobs with the page's buttons: on the bot's own machine, and in a pod through the login proxy that BUILD_WATCHER_PUBLIC_URL names.",
};
const refused = {
  "401": error("The token is missing or wrong."),
  "403": error("Not allowed from there: another site's page, or another machine without a token."),
};

function changeOfJob(summary: string) {
  return {
    summary,
    ...changing,
    parameters: [id],
    responses: {
      "200": answers("Done.", object({ id: text })),
      ...refused,
      "404": error("There is no such job."),
      "409": error("Its state does not allow it."),
    },
  };
}

/** What `/api` answers, as an OpenAPI document. */
export const openApi = {
  openapi: "3.1.0",
  info: {
    title: "build-watcher",
    version: "1",
    description:
      "What the bot saw, what became of it, and how to act on it. Everybody who reaches the port can read; each call says who can change something. Build logs are not part of the API.",
  },
  paths: {
    "/api/status": {
      get: { summary: "The bot at a glance", ...reading, responses: { "200": answers("The status.", ref("Status")) } },
    },
    "/api/jobs": {
      get: {
        summary: "Jobs, those that changed last first",
        ...reading,
        parameters: [
          query("state", state, "Only jobs in this state."),
          query("outcome", { enum: jobOutcomes }, "Only jobs with this outcome."),
          query("analyzer", text, "Only jobs for this analyzer."),
          query("namespace", text, "Only jobs of builds in this namespace."),
          query("config", text, "Only jobs of this BuildConfig: namespace/name."),
          query("cause", { enum: jobCauses }, "Only jobs taken in this way."),
          query("reason", { enum: Object.keys(failureReasons) }, "Only jobs whose last attempt failed for this reason."),
          query("host", text, "Only jobs whose last attempt failed at this registry or endpoint."),
          query("since", { enum: Object.keys(periods) }, "Only jobs that changed within this time."),
          query("text", text, "Only jobs that mention every word of it."),
          query("before", text, "`next` of the page before."),
          query("limit", { type: "integer", minimum: 1, maximum: 500, default: 50 }, "Jobs a page."),
        ],
        responses: {
          "200": answers("A page; without `next` it is the last one.", object({ jobs: list(ref("Job")), "next?": text })),
        },
      },
      post: {
        summary: "Take an image in",
        ...changing,
        requestBody: { required: true, content: { "application/json": { schema: object({ image }) } } },
        responses: {
          "200": answers("An earlier job covers it.", object({ id: text, ids: list(text), result: { const: "already-known" } })),
          "202": answers("Taken in.", object({ id: text, ids: list(text), result: { const: "added" } })),
          "400": error("It names no image."),
          ...refused,
        },
      },
    },
    "/api/jobs/{id}": {
      get: {
        summary: "A job, with the chain of builds it belongs to",
        ...reading,
        parameters: [id],
        responses: { "200": answers("The job.", ref("JobWithChain")), "404": error("There is no such job.") },
      },
    },
    "/api/jobs/{id}/retry": { post: changeOfJob("Try a job again now") },
    "/api/jobs/{id}/dismiss": { post: changeOfJob("End a waiting or failed job for good") },
    "/api/jobs/{id}/sbom": {
      get: {
        summary: "The bill of materials of a job's image, as CycloneDX",
        ...reading,
        parameters: [id],
        responses: {
          "200": { description: "The document.", content: { "application/vnd.cyclonedx+json": { schema: { type: "object" } } } },
          "404": error("There is no such job, or its image was not read."),
        },
      },
    },
    "/api/packages": {
      get: {
        summary: "Which images contain a package",
        ...reading,
        parameters: [
          query("name", text, "A name, with a version or range behind an @ if you like, or a package URL."),
          query("version", text, "A version, and all that begin with its parts, or bounds such as `>=2.0 <2.17.1`."),
        ],
        responses: {
          "200": answers("By BuildConfig, those that have it still first.", ref("FoundPackages")),
          "400": error("The question cannot be read."),
          "404": error("This bot reads no packages."),
        },
      },
    },
    "/api/tracked": {
      get: {
        summary: "BuildConfigs with their last build, its image and analyses",
        ...reading,
        parameters: [query("after", text, "`next` of the page before.")],
        responses: { "200": answers("By name.", object({ tracked: list(ref("Tracked")), "next?": text })) },
      },
    },
  },
  components: { schemas, securitySchemes: { token: { type: "http", scheme: "bearer" } } },
};
