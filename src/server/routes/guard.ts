import type { NextFunction, Request, RequestHandler, Response } from "express";
import { type AccessSettings, type Caller, type Refusal, refuseChange, refuseReading } from "../listening/access.ts";
import { toText } from "../views/html.ts";
import { problemPage } from "../views/pages/problem-page.ts";

/** Only for callers that may read. */
export function readersOnly(settings: AccessSettings): RequestHandler {
  return (request, response, next) => letThrough(refuseReading(callerOf(request), settings), request, response, next);
}

/** Only for callers that may change something. */
export function changersOnly(settings: AccessSettings): RequestHandler {
  return (request, response, next) => letThrough(refuseChange(callerOf(request), settings), request, response, next);
}

export function callerOf({ socket, headers, body }: Request): Caller {
  const { host, origin, authorization, "sec-fetch-site": fetchSite } = headers;
  return {
    peer: socket.remoteAddress,
    host,
    origin,
    authorization,
    fetchSite: typeof fetchSite === "string" ? fetchSite : undefined,
    formToken: formTokenOf(headers[formTokenHeader], body),
  };
}

const formTokenHeader = "x-form-token";

/** The page's script sends it as a header, a form as a field. */
function formTokenOf(header: unknown, body: unknown): string | undefined {
  if (typeof header === "string") return header;
  const field = typeof body === "object" && body !== null && "token" in body ? body.token : undefined;
  return typeof field === "string" ? field : undefined;
}

/** Answers with a page for people, or with JSON for programs. */
export function answerProblem(request: Request, response: Response, status: number, title: string, message: string): void {
  response.status(status);
  if (wantsJson(request)) response.json({ error: message });
  else response.type("html").send(toText(problemPage(title, message)));
}

/** Whether a program asks, or the page's script. */
export function wantsJson(request: Request): boolean {
  return request.path.startsWith("/api/") || request.accepts(["html", "json"]) === "json";
}

function letThrough(refusal: Refusal | undefined, request: Request, response: Response, next: NextFunction): void {
  if (!refusal) {
    next();
    return;
  }
  if (refusal.status === 401) response.set("WWW-Authenticate", "Bearer");
  answerProblem(request, response, refusal.status, "Not allowed", refusal.message);
}
