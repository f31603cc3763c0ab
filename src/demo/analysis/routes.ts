import type { ServerResponse } from "node:http";
import { send } from "../answers.ts";
import { type Analyses, type AnalysisState, hash } from "./analyses.ts";
import { type AnalysisRequest, type BuildAnalysisBody, faultOfAnalyze, faultOfBuildAnalysis } from "./submission.ts";

/** Answers a request by the contract, and says whether it was a submission that the service took. */
export type Route = (request: AnalysisRequest, response: ServerResponse) => "accepted" | "other";

const base = "/api/v1";

export function createRoutes(analyses: Analyses): Route {
  return (request, response) => {
    if (request.endpoint === "analyze") return analyze(analyses, request, response);
    if (request.endpoint === "build-analysis") return analyzeBuild(analyses, request, response);
    if (request.method !== "GET") send(response, 405, { error: "Method Not Allowed" });
    else if (request.path === base || request.path === `${base}/`) send(response, 200, discovery);
    else {
      const { status, body } = answerQuestion(analyses, request);
      send(response, status, body);
    }
    return "other";
  };
}

const discovery = { paths: ["/analyze", "/analyze/{analysis_id}", "/build-analysis"].map((path) => `${base}${path}`) };

function analyze(analyses: Analyses, { query }: AnalysisRequest, response: ServerResponse): "accepted" | "other" {
  const fault = faultOfAnalyze(query);
  const { image = "" } = query;
  if (fault || refusesImages(analyses, [image], query, response)) return fault ? refuse(response, fault, query) : "other";
  const accepted = analyses.start("package-extract", image, query.environment_type, isForced(query));
  send(response, 202, { ...accepted, parameters: query });
  return "accepted";
}

function analyzeBuild(analyses: Analyses, { query, body }: AnalysisRequest, response: ServerResponse): "accepted" | "other" {
  const fault = faultOfBuildAnalysis(query, body);
  if (fault) return refuse(response, fault, { ...query });
  const { base_image, output_image, build_log } = body as BuildAnalysisBody;
  if (refusesImages(analyses, [base_image, output_image], query, response)) return "other";
  const start = (kind: string, subject: string) => analyses.start(kind, subject, query.environment_type, isForced(query));
  const log = build_log ? hash(String(build_log.log)) : undefined;
  send(response, 202, {
    base_image_analysis: base_image ? start("package-extract", base_image) : null,
    output_image_analysis: output_image ? start("package-extract", output_image) : null,
    buildlog_analysis: log ? start("build-analysis", log) : null,
    buildlog_document_id: log ? `buildlog-${log}` : null,
  });
  return "accepted";
}

/** The first image that cannot be read fails the whole call. */
function refusesImages(
  analyses: Analyses,
  images: readonly (string | null | undefined)[],
  query: object,
  response: ServerResponse,
): boolean {
  const fault = images.map((image) => image && analyses.faultOf(image)).find(Boolean);
  if (fault) send(response, fault.status, { error: fault.error, parameters: query });
  return Boolean(fault);
}

function refuse(response: ServerResponse, error: string, parameters: object): "other" {
  send(response, 400, { error, parameters });
  return "other";
}

const question = /^\/api\/v1\/analyze\/(?:by-hash\/(?<digest>sha256:[0-9a-f]{64})|(?<id>[^/]+)(?:\/(?<part>status|log))?)$/;

function answerQuestion(analyses: Analyses, { path }: AnalysisRequest): { readonly status: number; readonly body: object } {
  const { digest, id: named, part } = question.exec(path)?.groups ?? {};
  const id = (digest ? analyses.byDigest(digest) : named) ?? "";
  const parameters = digest ? { image_hash: digest } : { analysis_id: id };
  const analysis = part === "status" ? analyses.ask(id) : analyses.state(id);
  if (!analysis) return { status: 404, body: { error: `Nothing is known of ${digest ?? (id || path)}`, parameters } };
  if (part === "log") return { status: 200, body: { log: `Analyzing ${analysis.subject}\n`, parameters } };
  const status = statusOf(analysis);
  if (part === "status") return { status: 200, body: { status, parameters } };
  if (!analysis.ended) return { status: 202, body: { error: "Analysis is still in progress", status, parameters } };
  return {
    status: 200,
    body: { metadata: { analyzer: "package-extract", document_id: id }, result: { image: analysis.subject } },
  };
}

function statusOf({ state, ended }: AnalysisState): object {
  const now = new Date().toISOString();
  return { state, reason: null, started_at: state === "pending" ? null : now, finished_at: ended ? now : null };
}

function isForced({ force = "" }: Readonly<Record<string, string>>): boolean {
  return force.toLowerCase() === "true";
}
