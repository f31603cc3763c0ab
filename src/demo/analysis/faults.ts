import type { ServerResponse } from "node:http";
import { type Headers, resetConnection, send } from "../answers.ts";
import type { AnalysisRequest } from "./submission.ts";

/**
 * What goes wrong with a request: an answer of this status; a TCP reset before or in the answer; no answer; a web server's error page; 202
 * with a body that is not JSON, without ids, or of 10 MB; a redirect to another path of this server.
 */
export type AnalysisFault =
  | { readonly status: number; readonly body?: object | string; readonly headers?: Headers; readonly contentType?: string }
  | "reset"
  | "reset-body"
  | "hang"
  | "html-500"
  | "not-json"
  | "no-id"
  | "redirect"
  | "huge";

/** Decides which requests fail. */
export interface FaultPlan {
  /** The fault for a request, if it is to fail; `number` counts submissions from 1. */
  next(number: number, request: AnalysisRequest): AnalysisFault | undefined;
  fail(fault: AnalysisFault, times?: number, on?: "submission" | "discovery"): void;
  program(next: (number: number, request: AnalysisRequest) => AnalysisFault | undefined): void;
  setDown(isDown: boolean): void;
}

export function createFaultPlan(): FaultPlan {
  const waiting: Record<"submission" | "discovery", { readonly fault: AnalysisFault; times: number }[]> = {
    submission: [],
    discovery: [],
  };
  let programmed: (number: number, request: AnalysisRequest) => AnalysisFault | undefined = () => undefined;
  let isDown = false;

  return {
    next(number, request) {
      if (isDown) return { status: 503, body: { error: "Service Unavailable" } };
      const queue = request.method === "POST" ? waiting.submission : waiting.discovery;
      const first = queue[0];
      if (!first) return request.method === "POST" ? programmed(number, request) : undefined;
      first.times -= 1;
      if (first.times <= 0) queue.shift();
      return first.fault;
    },
    fail(fault, times = 1, on = "submission") {
      if (times > 0) waiting[on].push({ fault, times });
    },
    program(next) {
      programmed = next;
    },
    setDown(next) {
      isDown = next;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: object | string;
  readonly headers?: Headers;
}

const errorPage = "<!DOCTYPE html><html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>\n";
/** More than the bot reads of any answer. */
const tooLong = 20 * 1024 * 1024;

/** Lets a request fail; `url` is this server's own. */
export function commit(fault: AnalysisFault, url: string, response: ServerResponse): void {
  if (fault === "hang") return;
  if (fault === "reset") resetConnection(response);
  else if (fault === "reset-body") resetInBody(response);
  else {
    const { status, body, headers } = answerOf(fault, url);
    send(response, status, body, headers);
  }
}

function answerOf(fault: Exclude<AnalysisFault, "hang" | "reset" | "reset-body">, url: string): Answer {
  switch (fault) {
    case "html-500":
      return { status: 500, body: errorPage, headers: { "content-type": "text/html; charset=utf-8" } };
    case "not-json":
      return { status: 202, body: "accepted", headers: { "content-type": "application/json" } };
    case "no-id":
      return { status: 202, body: { parameters: {} } };
    case "redirect":
      return { status: 307, body: "", headers: { location: `${url}/elsewhere` } };
    case "huge":
      return { status: 202, body: { analysis_id: "package-extract-huge", cached: false, padding: "x".repeat(tooLong) } };
    default: {
      const { status, body = { error: `Status ${status}` }, contentType, headers } = fault;
      return { status, body, headers: { ...(contentType && { "content-type": contentType }), ...headers } };
    }
  }
}

function resetInBody(response: ServerResponse): void {
  response.writeHead(202, { "content-type": "application/json", "content-length": "200" });
  response.write('{"analysis_id": "package-', () => resetConnection(response));
}
