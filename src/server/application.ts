import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from "express";
import { JobError } from "../core/jobs/errors.ts";
import { QueueUnavailableError } from "../queue/job-queue.ts";
import { toText } from "./views/html.ts";
import { problemPage } from "./views/pages/problem-page.ts";

/** Forbids pages to load anything from elsewhere, run inline scripts, be framed, or have their type guessed. */
const headers: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** The routes with their headers, and the answers to unknown paths. `report` gets the bot's own errors. */
export function createApplication(routes: readonly RequestHandler[], report: (error: unknown) => void): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use((_request, response, next) => {
    response.set(headers);
    next();
  });
  app.use(oneHost);
  for (const route of routes) app.use(route);
  app.use(notFound);
  app.use(failed(report));
  return app;
}

/** A proxy and the bot could each read another one. */
const oneHost: RequestHandler = (request, response, next) => {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length > 1) answer(request, response, 400, "Bad request", "The request names more than one host.");
  else next();
};

const notFound: RequestHandler = (request, response) => answer(request, response, 404, "Not found", "There is nothing here.");

/** Without it Express shows the stack. It recognises an error handler by its four parameters. */
function failed(report: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const status = statusOf(error);
    if (status === 500) report(error);
    if (response.headersSent) return next(new Error("The answer broke off"));
    if (status === 503) {
      response.set("Retry-After", "5");
      return answer(request, response, status, "Not just now", error instanceof Error ? error.message : "Try again.");
    }
    if (status === 413) answer(request, response, status, "Too large", "The request is too large.");
    else if (status < 500) answer(request, response, status, "Bad request", "The request cannot be read.");
    else answer(request, response, status, "Something went wrong", "The bot could not answer this; its log says why.");
  };
}

function answer(request: Request, response: Response, status: number, title: string, message: string): void {
  response.status(status);
  const kind = request.path.startsWith("/api/") ? "json" : request.accepts(["text", "html", "json"]);
  if (kind === "json") response.json({ error: message });
  else if (kind === "html") response.type("html").send(toText(problemPage(title, message)));
  else response.type("text").send(`${title}\n`);
}

/** What a parser of express' found wrong is the caller's fault; a database that cannot be used comes back. */
function statusOf(error: unknown): number {
  if (error instanceof QueueUnavailableError) return 503;
  if (error instanceof JobError && error.reason === "DatabaseUnavailable") return 503;
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : 500;
}
