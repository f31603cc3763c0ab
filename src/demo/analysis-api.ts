import type { IncomingMessage, ServerResponse } from "node:http";
import { createAnalyses } from "./analysis/analyses.ts";
import { type AnalysisFault, commit, createFaultPlan } from "./analysis/faults.ts";
import { createRoutes } from "./analysis/routes.ts";
import { type AnalysisRequest, type Endpoint, readRequest } from "./analysis/submission.ts";
import { createChanges } from "./changes.ts";
import { createListener, type TlsOptions } from "./listener.ts";

export type { AnalysisFault } from "./analysis/faults.ts";
export type { AnalysisRequest } from "./analysis/submission.ts";

export interface AnalysisApiOptions {
  readonly tls?: TlsOptions;
  /** Where results can be looked up: the header `X-Thoth-Search-Ui-Url`. */
  readonly searchUi?: string;
  /** What an analysis' status says, one state a question; it stays at the last one. */
  readonly states?: readonly string[];
  /** Milliseconds before a request is answered. */
  readonly latency?: () => number;
}

/** A submission the service accepted and answered in full. */
export interface ReceivedSubmission {
  readonly endpoint: Endpoint;
  readonly query: Readonly<Record<string, string>>;
  /** The JSON body of a build analysis. */
  readonly body?: unknown;
  /** `performance.now()` */
  readonly at: number;
}

/** Thoth's User API in this process, with every way in which such a service is known to fail. */
export interface AnalysisApi {
  /** Without the API's base path `/api/v1`. Throws before `listen()`. */
  readonly url: string;
  listen(port?: number): Promise<void>;
  /** In order; the last 100,000 are kept. */
  readonly submissions: readonly ReceivedSubmission[];
  /** All POST requests, with any result. */
  readonly received: number;
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** The next `times` requests fail: submissions, or everything that is asked for by GET. */
  fail(fault: AnalysisFault, times?: number, on?: "submission" | "discovery"): void;
  /** Decides for every submission without a pending `fail` whether it fails. The first one has number 1. */
  faults(next: (requestNumber: number, request: AnalysisRequest) => AnalysisFault | undefined): void;
  /** Answers 503 to everything. */
  down(): void;
  up(): void;
  /** From now on the service cannot read this image, named exactly as it will be submitted. */
  unreadable(image: string, error: string, status?: 400 | 403): void;
  /** Returns what ends it. */
  onSubmission(listener: (submission: ReceivedSubmission) => void): () => void;
  /** Resolves when the condition holds, now or after a change; rejects when the service is closed before. */
  waitFor(condition: (api: AnalysisApi) => boolean): Promise<void>;
  /** Destroys what is open. */
  close(): Promise<void>;
}

const submissionLimit = 100_000;

export function createAnalysisApi(options: AnalysisApiOptions = {}): AnalysisApi {
  const changes = createChanges<AnalysisApi>(() => api);
  const analyses = createAnalyses(options.states ?? ["pending", "running", "success"]);
  const route = createRoutes(analyses);
  const listener = createListener(handle, options.tls, changes.notify);
  const headers = serviceHeaders(options.searchUi);
  const submissions: ReceivedSubmission[] = [];
  const listeners = new Set<(submission: ReceivedSubmission) => void>();
  const faults = createFaultPlan();
  let received = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method === "POST") received += 1;
    const number = received;
    const asked = await readRequest(request).catch(() => undefined);
    if (!asked) return void response.destroy();
    if (options.latency) await new Promise((resolve) => setTimeout(resolve, options.latency?.()));
    const fault = faults.next(number, asked);
    if (fault) commit(fault, listener.url, response);
    else if (route(asked, response) === "accepted") accept(asked);
    changes.notify();
  }

  function accept({ endpoint, query, body }: AnalysisRequest): void {
    if (!endpoint) return;
    const submission = { endpoint, query, ...(body !== undefined && { body }), at: performance.now() };
    if (submissions.length >= submissionLimit) submissions.splice(0, submissionLimit / 10);
    submissions.push(submission);
    for (const listen of listeners) listen(submission);
  }

  const api: AnalysisApi = {
    get url() {
      return listener.url;
    },
    listen: listener.listen,
    submissions,
    get received() {
      return received;
    },
    get connections() {
      return listener.connections;
    },
    fail: faults.fail,
    faults: faults.program,
    down: () => faults.setDown(true),
    up: () => faults.setDown(false),
    unreadable: analyses.unreadable,
    onSubmission(listen) {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
    waitFor: changes.waitFor,
    async close() {
      await listener.close();
      changes.close();
    },
  };
  return api;
}

/** The headers on every answer. */
function serviceHeaders(searchUi: string | undefined): Readonly<Record<string, string>> {
  return {
    "x-thoth-version": "2023.05.0",
    "x-user-api-service-version": "0.7.0-dev",
    ...(searchUi && { "x-thoth-search-ui-url": searchUi }),
  };
}
