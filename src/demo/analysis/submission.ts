import type { IncomingMessage } from "node:http";
import { parseImageReference } from "../../core/images/image-reference.ts";
import { readBody, readTarget } from "../answers.ts";

export type Endpoint = "analyze" | "build-analysis";

type Query = Readonly<Record<string, string>>;

/** A request as the service reads it. */
export interface AnalysisRequest {
  readonly method: string;
  readonly path: string;
  /** Present for submissions. */
  readonly endpoint?: Endpoint;
  readonly query: Query;
  /** The parsed JSON body; absent when there is none, or when it is no JSON. */
  readonly body?: unknown;
}

/** The body of a build analysis once it is known to be one. */
export interface BuildAnalysisBody {
  readonly base_image?: string | null;
  readonly output_image?: string | null;
  readonly build_log?: { readonly log?: unknown } | null;
}

export async function readRequest(request: IncomingMessage): Promise<AnalysisRequest> {
  const { path, query } = readTarget(request);
  const body = parsed(await readBody(request));
  const method = request.method ?? "GET";
  const endpoint = method === "POST" ? endpointOf(path) : undefined;
  return { method, path, ...(endpoint && { endpoint }), query, ...(body !== undefined && { body }) };
}

/** Why a call of `/analyze` breaks the contract; undefined when it does not. */
export function faultOfAnalyze(query: Query): string | undefined {
  if (!query.image) return "Missing query parameter 'image'";
  return faultOfParameters(query, ["image", ...loginOf(""), ...common]) ?? faultOfLogin(query, "") ?? faultOfImage(query.image);
}

/** Why a call of `/build-analysis` breaks the contract; undefined when it does not. */
export function faultOfBuildAnalysis(query: Query, body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return "The request body is no JSON object";
  const { base_image: base, output_image: output, build_log: log, ...unknown } = body as BuildAnalysisBody;
  const extra = Object.keys(unknown)[0];
  if (extra) return `Additional properties are not allowed ('${extra}' was unexpected)`;
  if (!base && !output && !log) return "No base, output nor build log provided";
  if (log && typeof log.log !== "string") return "'log' is a required property of 'build_log'";
  return (
    faultOfParameters(query, [...loginOf("base_"), ...loginOf("output_"), ...common]) ??
    faultOfLogin(query, "base_") ??
    faultOfLogin(query, "output_") ??
    (base ? faultOfImage(base) : undefined) ??
    (output ? faultOfImage(output) : undefined)
  );
}

const common = ["environment_type", "origin", "debug", "force"];

function loginOf(prefix: string): string[] {
  const tls = prefix ? `${prefix}registry_verify_tls` : "verify_tls";
  return [`${prefix}registry_user`, `${prefix}registry_password`, tls];
}

function faultOfParameters(query: Query, known: readonly string[]): string | undefined {
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) return `Extra query parameter(s) ${name} not in spec`;
    if (/verify_tls$|^debug$|^force$/.test(name) && !/^(true|false)$/i.test(value))
      return `Wrong type, expected 'boolean' for '${name}'`;
  }
  const environment = query.environment_type;
  if (environment === undefined || environment === "runtime" || environment === "buildtime") return undefined;
  return `'${environment}' is not one of ['runtime', 'buildtime']`;
}

function faultOfLogin(query: Query, prefix: string): string | undefined {
  if (!query[`${prefix}registry_user`] === !query[`${prefix}registry_password`]) return undefined;
  return "Parameters 'registry_user' and 'registry_password' have to be supplied together";
}

/** What the service's skopeo says to a name: a tag and a digest together are not supported by it. */
function faultOfImage(image: unknown): string | undefined {
  try {
    const { tag, digest } = parseImageReference(String(image));
    return tag && digest ? "Docker references with both a tag and digest are currently not supported" : undefined;
  } catch {
    return `invalid reference format: ${JSON.stringify(image)}`;
  }
}

function endpointOf(path: string): Endpoint | undefined {
  if (path === "/api/v1/analyze") return "analyze";
  return path === "/api/v1/build-analysis" ? "build-analysis" : undefined;
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
