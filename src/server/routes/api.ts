import { setImmediate as nextTurn } from "node:timers/promises";
import express, { type Request, Router } from "express";
import { type ImageReference, parseImageReference } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import { imageJobs, ownerParts } from "../../core/jobs/job.ts";
import { recordsOfBuilds } from "../../queue/job-queue.ts";
import { openApi } from "../openapi/openapi.ts";
import type { PageParts } from "../page-parts.ts";
import { type Chain, findChain } from "../records/chain.ts";
import { worstFirst } from "../records/groups.ts";
import { jobJson, trackedJson } from "../records/job-json.ts";
import { cursorOf, readFilter, toRecordFilter } from "../records/list-filter.ts";
import { readStatus, statusJson } from "../status.ts";
import { refusals } from "./actions.ts";
import { changersOnly } from "./guard.ts";

const usualLimit = 50;
const highestLimit = 500;

/** The same for programs, as JSON. */
export function apiRoutes(parts: PageParts): Router {
  const { queue, access, clock, findRecords } = parts;
  const router = Router();
  router.get("/api/openapi.json", (_request, response) => void response.json(openApi));
  router.get("/api/status", async (_request, response) => void response.json(statusJson(await readStatus(parts))));
  router.get("/api/tracked", async (request, response) => void response.json(await readTracked(parts, request.query.after)));

  router.get("/api/jobs", async (request, response) => {
    const limit = readLimit(request.query.limit);
    if (limit === 0) return void response.status(400).json({ error: `limit is a number from 1 to ${highestLimit}.` });
    const { records, next } = await findRecords(limit, toRecordFilter(readFilter(request.query), clock.now()));
    response.json({ jobs: records.map(jobJson), next: next && cursorOf(next) });
  });
  router.get("/api/jobs/:id", async (request: Request<{ id: string }>, response) => {
    const record = await queue.find(request.params.id);
    if (!record) return void response.status(404).json({ error: "There is no such job." });
    const { first, foundation } = await findChain(queue, record);
    response.json({ ...jobJson(record), chain: { foundation, first: linkJson(first) } });
  });
  for (const [verb, why] of Object.entries(refusals)) {
    router.post(`/api/jobs/:id/${verb}`, changersOnly(access), async (request: Request<{ id: string }>, response) => {
      const { id } = request.params;
      if (!(await queue.find(id))) return void response.status(404).json({ error: "There is no such job." });
      if (await queue[verb as keyof typeof refusals](id)) response.json({ id });
      else response.status(409).json({ error: why });
    });
  }
  router.post("/api/jobs", changersOnly(access), express.json({ limit: "16kb" }), async (request, response) => {
    const image = readImage(request.body);
    if (typeof image === "string") return void response.status(400).json({ error: image });
    const { status, ...answer } = await takeIn(parts, image);
    response.status(status).json(answer);
  });
  return router;
}

type Link = Chain["first"];

interface LinkJson {
  readonly id: string;
  readonly build: string | undefined;
  readonly state: string;
  readonly takesFiles: boolean;
  readonly madeOnIt: readonly LinkJson[];
}

function linkJson({ record, takesFiles, madeOnIt }: Link): LinkJson {
  const { job, state } = record;
  return { id: job.id, build: job.build?.name, state, takesFiles, madeOnIt: madeOnIt.map(linkJson) };
}

const trackedPage = 500;

/** BuildConfigs with a build, by name, in pages. The last page also has the tracked ones that have no build yet. */
async function readTracked({ queue, track }: Pick<PageParts, "queue" | "track">, cursor: unknown) {
  const after = typeof cursor === "string" ? cursor.slice(0, 600) : "";
  const records = await queue.lastOfBuildConfigs(trackedPage, after);
  const builds = await recordsOfBuilds(queue, records);
  const tracked = records.map(({ job }, index) => trackedJson(job.buildConfig ?? "", worstFirst(builds[index] ?? [])));
  if (records.length === trackedPage) return { tracked, next: tracked.at(-1)?.buildConfig };
  const missing = track.length === 0 ? [] : await withoutBuild(queue, track);
  return { tracked: [...tracked, ...missing.map((name) => trackedJson(name, []))] };
}

async function withoutBuild(queue: PageParts["queue"], track: readonly string[]): Promise<readonly string[]> {
  const missing = new Set(track);
  for (let after: string | undefined = ""; after !== undefined && missing.size > 0; await nextTurn()) {
    const names: readonly string[] = (await queue.lastOfBuildConfigs(trackedPage, after)).map(({ job }) => job.buildConfig ?? "");
    for (const name of names) {
      const { kind, name: full = "" } = ownerParts(name);
      const prefix = kind === "BuildConfig" ? "" : `${kind}:`;
      missing.delete(name);
      missing.delete(`${prefix}${full.slice(full.indexOf("/") + 1)}`);
    }
    after = names.length === trackedPage ? names.at(-1) : undefined;
  }
  return [...missing];
}

/** An image named by digest is taken in once, unless its job failed; a tag can name another image each time. Returns the id of the first job. */
async function takeIn({ queue, analyzers }: Pick<PageParts, "queue" | "analyzers">, image: ImageReference) {
  const again = image.digest === undefined ? "always" : "failed";
  const jobs = imageJobs(image, "webhook", analyzers);
  const answers = await Promise.all(jobs.map((job) => queue.add(job, { again })));
  const records = await Promise.all(jobs.map((job) => queue.known(job)));
  const ids = jobs.map((job, index) => records[index]?.job.id ?? job.id);
  const isNew = answers.includes("added");
  return { status: isNew ? 202 : 200, id: ids[0], ids, result: isNew ? "added" : "already-known" };
}

/** The image a body names, or what is wrong with the body. */
function readImage(body: unknown): ImageReference | string {
  const image = typeof body === "object" && body !== null && "image" in body ? body.image : undefined;
  if (typeof image !== "string")
    return 'Send JSON with the header Content-Type: application/json: {"image": "registry/repository@sha256:…"}';
  try {
    return parseImageReference(image);
  } catch (error) {
    return asJobError(error).message;
  }
}

function readLimit(text: unknown): number {
  const limit = typeof text === "string" && /^\d{1,6}$/.test(text) ? Number(text) : usualLimit;
  return Math.min(limit, highestLimit);
}
