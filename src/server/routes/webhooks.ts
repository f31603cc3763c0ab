import express, { type NextFunction, type Request, type RequestHandler, type Response, Router } from "express";
import { JobError } from "../../core/jobs/errors.ts";
import { longestId } from "../../core/outside-text.ts";
import { isSameSecret } from "../listening/access.ts";
import { createBodyPlaces } from "../listening/body-places.ts";
import { isCloudEvent, readCloudEvent } from "../webhooks/cloud-event.ts";
import { handshake, validationOf } from "../webhooks/handshakes.ts";
import { type PushedImages, readRegistryPayload, senderNames } from "../webhooks/registry-payload.ts";
import { createSeenIds } from "../webhooks/seen-ids.ts";
import type { TakenImage, WebhookSettings } from "../webhooks/webhook-settings.ts";

type Hook = "registry" | "cloudevents";

/** Registries send a few kilobytes; an envelope of many events is a few hundred. */
const longestBody = 1024 * 1024;

/**
 * `POST /webhooks/registry` and `POST /webhooks/cloudevents`: images that were pushed become jobs. 202 when they are on disk, 4xx for
 * what cannot be taken in. Cheap checks come first, so callers without the secret cost almost nothing.
 */
export function webhookRoutes(settings: WebhookSettings): Router {
  const router = Router();
  const body = express.raw({ type: () => true, limit: longestBody });
  const hook = (name: Hook, ...steps: readonly RequestHandler[]) =>
    router.all(
      `/webhooks/${name}`,
      counted(settings, name),
      handshake(settings),
      postOnly,
      switchedOn(settings),
      ...steps,
      explained,
    );
  hook("registry", typed(isJson), sizedRight, secretOnly(settings), createBodyPlaces(8, 4), body, parsed, registryHook(settings));
  hook(
    "cloudevents",
    typed(isCloudEvent),
    sizedRight,
    maybeSigned,
    createBodyPlaces(8, 2),
    body,
    signedOnly(settings),
    parsed,
    cloudEventHook(settings),
  );
  return router;
}

function registryHook(settings: WebhookSettings): RequestHandler {
  return async (request, response) => {
    const validation = validationOf(request.body);
    if (validation) return void response.json(validation);
    const pushed = readRegistryPayload(request.body);
    if (!pushed) return refuse(response, 422, `This is not a notification of ${senderNames}.`);
    await takeAll(settings, "registry", pushed, response);
  };
}

/** A signed event counts once. If it comes again while its signature is valid, it is a second attempt or a replay. */
function cloudEventHook(settings: WebhookSettings): RequestHandler {
  const seen = createSeenIds(signatureAge * 2_000, mostRemembered);
  return async (request, response) => {
    const id = String(request.headers["webhook-id"]);
    if (seen.has(id, Date.now())) return void response.status(202).json({ new: 0, known: 1, busy: 0, ignored: 0 });
    await takeAll(settings, "cloudevents", readCloudEvent(request.headers, request.body), response);
    seen.add(id, Date.now());
  };
}

/** How many ids are remembered. Each was signed, so only callers with the secret can fill this up. */
const mostRemembered = 20_000;

async function takeAll(
  { isWanted, take, note, metrics }: WebhookSettings,
  hook: Hook,
  { images, ignored, notes }: PushedImages,
  response: Response,
): Promise<void> {
  for (const text of notes) note(text);
  const wanted = images.filter(isWanted);
  const taken = await Promise.all(wanted.map(take));
  const count = (result: TakenImage) => taken.filter((answer) => answer === result).length;
  const counts = {
    new: count("new"),
    known: count("known"),
    busy: count("busy"),
    ignored: images.length - wanted.length + ignored,
  };
  for (const [result, number] of Object.entries(counts)) if (number > 0) metrics.count("webhookImages", { hook, result }, number);
  response.status(202).json({ ...counts, ...(notes.length > 0 && { notes }) });
}

function counted({ metrics }: WebhookSettings, hook: Hook): RequestHandler {
  return (_request, response, next) => {
    response.once("close", () => metrics.count("webhookRequests", { hook, code: String(response.statusCode) }));
    next();
  };
}

const postOnly: RequestHandler = (request, response, next) => {
  if (request.method === "POST") return next();
  response.set("Allow", "POST");
  refuse(response, 405, "Call web hooks with POST.");
};

function switchedOn({ secret }: WebhookSettings): RequestHandler {
  return (_request, response, next) => {
    if (secret === undefined) refuse(response, 403, "Web hooks are off: set BUILD_WATCHER_WEBHOOK_SECRET.");
    else next();
  };
}

function typed(isRight: (headers: Request["headers"]) => boolean): RequestHandler {
  return (request, response, next) => {
    if (isRight(request.headers)) next();
    else refuse(response, 415, "This web hook does not read this content type.");
  };
}

/** Registries use their own content types that end in +json. */
function isJson({ "content-type": contentType = "" }: Request["headers"]): boolean {
  return /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

const sizedRight: RequestHandler = (request, response, next) => {
  if (Number(request.headers["content-length"] ?? 0) > longestBody)
    refuse(response, 413, `The body is longer than ${longestBody} bytes.`);
  else next();
};

/** The secret comes in a header, with or without Bearer. A service that only knows a URL sends it as `?token=`. */
function secretOnly({ secret = "" }: WebhookSettings): RequestHandler {
  return ({ headers, query }, response, next) => {
    const given = headers.authorization?.replace(/^Bearer +/i, "") ?? query.token;
    if (typeof given === "string" && isSameSecret(given, secret)) return next();
    response.set("WWW-Authenticate", "Bearer");
    refuse(response, 401, "The header Authorization: Bearer <BUILD_WATCHER_WEBHOOK_SECRET> is missing or wrong.");
  };
}

/** If the headers are already wrong, the body is not read. */
const maybeSigned: RequestHandler = ({ headers }, response, next) => {
  const [id, time, signature] = [headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]];
  const age = Math.abs(Date.now() / 1000 - Number(time));
  if (typeof id === "string" && id !== "" && id.length <= longestId && age < signatureAge && signature) next();
  else refuse(response, 401, unsigned);
};

/** Seconds that a signature is valid (Standard Webhooks). */
const signatureAge = 5 * 60;
const unsigned = "The signature (webhook-id, webhook-timestamp, webhook-signature) is missing, too old or wrong.";

function signedOnly({ isSigned }: WebhookSettings): RequestHandler {
  return (request, response, next) => {
    if (Buffer.isBuffer(request.body) && isSigned(request.body, request.headers)) next();
    else refuse(response, 401, unsigned);
  };
}

const parsed: RequestHandler = (request, response, next) => {
  try {
    request.body = JSON.parse(String(request.body));
    next();
  } catch {
    refuse(response, 400, "The body is no JSON.");
  }
};

/** Errors of the steps: a body that is too large, or an invalid image name. The server handles anything else. */
function explained(error: unknown, request: Request, response: Response, next: NextFunction): void {
  // A caller that has left needs no answer.
  if (request.destroyed && !request.complete) return;
  if (error instanceof JobError && error.reason === "BadReference") refuse(response, 422, error.message);
  else if (typeof error === "object" && error !== null && "type" in error && error.type === "entity.too.large")
    refuse(response, 413, `The body is longer than ${longestBody} bytes.`);
  else next(error);
}

function refuse(response: Response, status: number, error: string): void {
  // The rest of the body is not read, so the connection cannot serve another request.
  if (status === 413) response.set("Connection", "close");
  response.status(status).json({ error });
}
