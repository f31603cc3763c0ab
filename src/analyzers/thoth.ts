import { formatImageReference } from "../core/images/image-reference.ts";
import { asJobError, JobError } from "../core/jobs/errors.ts";
import type { AnalysisImage, AnalysisRequest, Analyzer, Submission } from "./analyzer.ts";
import { mayBeAnotherServer, protocolError } from "./http/answers.ts";
import { createHttpEndpoint, type HttpAnswer, type HttpEndpoint, type HttpRequest, serviceUrl } from "./http/http.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer } from "./kind.ts";
import { readStatus } from "./results/thoth-status.ts";
import { thothService } from "./service.ts";

export interface ThothSettings {
  readonly endpoint: HttpEndpoint;
  readonly environmentType?: "runtime" | "buildtime" | undefined;
  readonly debug: boolean;
  readonly force: boolean;
}

type Analyses = Submission["analyses"];

/** The server pulls an image's manifest before it answers; two minutes are generous for that. */
const requestTimeout = 120_000;

/** The settings of options.ts. */
export interface ThothOptions {
  readonly analysisHost: string | undefined;
  readonly noTlsVerify: boolean;
  readonly environmentType: "runtime" | "buildtime" | undefined;
  readonly debug: boolean;
  readonly force: boolean;
}

/** Thoth at THOTH_USER_API_HOST. */
export function openThoth(settings: ThothOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const { analysisHost: host = "", noTlsVerify, environmentType, debug, force } = settings;
  const connection = { verifyTls: !noTlsVerify, timeout: requestTimeout, ...parts };
  const endpoint = createHttpEndpoint({ url: thothUrl(host), service: thothService, ...connection });
  const thoth = createThothAnalyzer({ endpoint, environmentType, debug, force });
  return atEndpoint(thoth, endpoint);
}

/** The API's base URL for a host or URL: `https://host/api/v1`. */
export function thothUrl(host: string): string {
  return `${serviceUrl(host).replace(/\/api\/v1$/, "")}/api/v1`;
}

/** Thoth's User API v1: `/build-analysis` when there is a base image or a log to send, `/analyze` for an image alone. */
export function createThothAnalyzer({ endpoint, environmentType, debug, force }: ThothSettings): Analyzer {
  const common = { environment_type: environmentType, debug: debug || undefined, force: force || undefined };

  return {
    name: "thoth",
    async submit(request, signal) {
      try {
        return await submit(request, signal);
      } catch (error) {
        if (mayBeAnotherServer(error)) await discover(signal);
        throw error;
      }
    },
    async status(analysisId, signal) {
      const path = `/analyze/${encodeURIComponent(analysisId)}/status`;
      const answer = await endpoint.send({ method: "GET", path, expect: [404] }, signal);
      const link = answer.header("x-thoth-search-ui-url");
      return { ...(answer.status === 404 ? { state: "unknown" } : readStatus(answer.json())), ...(link && { link }) };
    },
    discover,
  };

  async function submit(request: AnalysisRequest, signal: AbortSignal): Promise<Submission> {
    const { answer, notes } = await withoutBadBase(request, (attempt) => endpoint.send(toHttp(attempt), signal));
    const link = answer.header("x-thoth-search-ui-url");
    return { analyzer: "thoth", analyses: readAnalyses(answer.json()), notes, ...(link && { link }) };
  }

  /** A wrong address is no fault of a job's: it would cost every job its place. */
  async function discover(signal: AbortSignal): Promise<void> {
    try {
      await endpoint.send({ method: "GET", path: "" }, signal);
    } catch (error) {
      throw noApi(asJobError(error), endpoint.name);
    }
  }

  function toHttp(request: AnalysisRequest): HttpRequest {
    const { output, base, buildLog, origin } = request;
    const secrets = [output?.login?.password, base?.login?.password].filter((secret) => secret !== undefined);
    if (output && !base && buildLog === undefined) {
      return { method: "POST", path: "/analyze", query: { ...imageQuery(output), origin, ...common }, secrets };
    }
    const query = { ...registryQuery("base", base), ...registryQuery("output", output), origin, ...common };
    return { method: "POST", path: "/build-analysis", query, body: buildBody(request), secrets };
  }
}

/**
 * The server reads the base image first and fails the whole call when it cannot. So what it refuses with a base image is tried without:
 * the base image must not cost the output image its analysis.
 */
async function withoutBadBase(
  request: AnalysisRequest,
  send: (request: AnalysisRequest) => Promise<HttpAnswer>,
): Promise<{ answer: HttpAnswer; notes: readonly string[] }> {
  try {
    return { answer: await send(request), notes: [] };
  } catch (error) {
    const refused = error instanceof JobError && error.reason === "AnalyzerRejected";
    const { base, ...rest } = request;
    if (!refused || !base || (!rest.output && rest.buildLog === undefined)) throw error;
    const answer = await send(rest);
    return { answer, notes: [`Submitted without the base image ${formatImageReference(base.reference)}: ${error.message}`] };
  }
}

function imageQuery({ reference, login, verifyTls }: AnalysisImage) {
  return {
    image: formatImageReference(reference),
    registry_user: login?.user,
    registry_password: login?.password,
    verify_tls: verifyTls,
  };
}

function registryQuery(part: "base" | "output", image: AnalysisImage | undefined) {
  return {
    [`${part}_registry_user`]: image?.login?.user,
    [`${part}_registry_password`]: image?.login?.password,
    [`${part}_registry_verify_tls`]: image?.verifyTls,
  };
}

function buildBody({ output, base, buildLog }: AnalysisRequest) {
  return {
    base_image: base ? formatImageReference(base.reference) : null,
    output_image: output ? formatImageReference(output.reference) : null,
    build_log:
      buildLog === undefined ? null : { kind: "BuildLog", apiversion: "build.openshift.io/v1", log: buildLog, metadata: null },
  };
}

function readAnalyses(json: Readonly<Record<string, unknown>>): Analyses {
  const parts = [
    ["output", "analysis_id" in json ? json : json.output_image_analysis],
    ["base", json.base_image_analysis],
    ["build-log", json.buildlog_analysis],
  ] as const;
  const analyses = parts.flatMap(([of, part]) => readAnalysis(of, part));
  if (analyses.length === 0) throw protocolError("names no analysis_id", thothService);
  return analyses;
}

function readAnalysis(of: Analyses[number]["of"], part: unknown): Analyses {
  if (typeof part !== "object" || part === null || !("analysis_id" in part)) return [];
  if (typeof part.analysis_id !== "string" || part.analysis_id === "") return [];
  return [{ of, id: part.analysis_id, cached: "cached" in part && part.cached === true }];
}

function noApi(error: JobError, name: string): JobError {
  if (error.reason === "AnalyzerUnavailable") return error;
  return new JobError("AnalyzerUnavailable", `There is no User API at ${name}: check THOTH_USER_API_HOST. ${error.message}`);
}
