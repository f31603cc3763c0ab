import { failureReasons } from "../../core/jobs/errors.ts";
import { jobCauses } from "../../core/jobs/job.ts";
import { jobOutcomes } from "../../core/jobs/job-outcome.ts";
import { periods } from "../records/list-filter.ts";
import { image, list, object, ref, type Schema, schemas, state, text } from "./schemas.ts";

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
