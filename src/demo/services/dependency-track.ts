import { createHash } from "node:crypto";
import { createService, type EmulatedService, jsonOf, type ServiceAnswer, type ServiceRequest } from "./service.ts";

export interface DependencyTrackOptions {
  /** Keys that are taken. */
  readonly keys: readonly string[];
  readonly version?: string;
  /** Of the key's team; default: what a bot needs. */
  readonly permissions?: readonly string[];
  /** How often an upload is still being worked through. */
  readonly rounds?: number;
  /** What the project's metrics say; `components` is counted where it is not given. */
  readonly metrics?: object;
}

interface ReceivedBom {
  readonly projectName: string;
  readonly projectVersion: string;
  readonly bom: Readonly<Record<string, unknown>>;
}

export interface EmulatedDependencyTrack extends EmulatedService {
  readonly boms: readonly ReceivedBom[];
}

interface Project extends ReceivedBom {
  readonly uuid: string;
  readonly importedAt: number;
  asked: number;
  /** When its metrics were last made; undefined before. */
  measuredAt: number | undefined;
}

const allPermissions = ["BOM_UPLOAD", "PROJECT_CREATION_UPLOAD", "VIEW_PORTFOLIO"];
/** Characters of base64 that version 5 takes as JSON. */
const longestBom = 20_000_000;
const usual = { critical: 1, high: 2, medium: 3, low: 4, unassigned: 5, policyViolationsTotal: 2 };

/** Dependency-Track as the uploader sees it: an upload is worked through in rounds; version 4 measures a project only when it is asked to. */
export function createDependencyTrack(options: DependencyTrackOptions): EmulatedDependencyTrack {
  const projects = new Map<string, Project>();
  /** Which project an upload was for. */
  const uploads = new Map<string, Project>();
  const boms: ReceivedBom[] = [];
  const { permissions = allPermissions } = options;
  const isOld = (options.version ?? "5.2.1").startsWith("4.");
  const service = createService((request) => {
    const { path, method, headers, query } = request;
    if (path === "/api/version") return ok({ application: "Dependency-Track", version: options.version ?? "5.2.1" });
    if (!options.keys.includes(String(headers["x-api-key"]))) return { status: 401 };
    if (path === "/api/v1/bom") return upload(request);
    if (method !== "GET") return { status: 405 };
    if (path === "/api/v1/team/self") return ok({ name: "ci", permissions: permissions.map((name) => ({ name })) });
    const named = [...projects.values()].find((project) => isNamed(project, query));
    if (path === "/api/v1/project/lookup") return found(named, toProject);
    const [, kind, id = "", rest] =
      /^\/api\/v1\/(event\/token|project|metrics\/project)\/([^/]+)(?:\/(current|refresh))?$/.exec(path) ?? [];
    if (kind === "event/token") return ok({ processing: isProcessing(id) });
    const project = projects.get(id);
    if (kind === "project") return found(project, toProject);
    return kind ? measure(project, rest) : { status: 404 };
  });
  const described = { ...Object.getOwnPropertyDescriptors(service), boms: { value: boms } };
  return Object.defineProperties({}, described) as EmulatedDependencyTrack;

  function upload({ body, method, headers }: ServiceRequest): ServiceAnswer {
    const refusal = refusalOf(method, headers, permissions);
    if (refusal) return refusal;
    const fields = method === "PUT" ? jsonOf(body) : partsOf(body, headers["content-type"]);
    const { projectName, projectVersion, autoCreate } = fields ?? {};
    if (typeof projectName !== "string" || !projectName) return { status: 400, body: "projectName must not be blank" };
    const bom = readBom(String(fields?.bom), method === "PUT");
    if (Array.isArray(bom)) return invalid(bom);
    if (String(autoCreate) !== "true") return { status: 404, body: "The project could not be found." };
    const uuid = uuidOf(`${projectName}@${projectVersion}`);
    if (!projects.has(uuid) && !permissions.includes("PROJECT_CREATION_UPLOAD"))
      return { status: 401, body: "The principal does not have permission to create project." };
    const received: ReceivedBom = { projectName, projectVersion: String(projectVersion), bom };
    boms.push(received);
    const project = { ...received, uuid, importedAt: Date.now(), asked: 0, measuredAt: projects.get(uuid)?.measuredAt };
    projects.set(uuid, project);
    const token = uuidOf(`token ${boms.length} ${uuid}`);
    uploads.set(token, project);
    return ok({ token, ...(isOld ? {} : { projectUuid: uuid }) });
  }

  function isProcessing(token: string): boolean {
    const project = uploads.get(token);
    if (!project) return false;
    project.asked += 1;
    const still = project.asked <= (options.rounds ?? 1);
    if (!still && !isOld) project.measuredAt = Date.now();
    return still;
  }

  function measure(project: Project | undefined, rest: string | undefined): ServiceAnswer {
    if (!permissions.includes("VIEW_PORTFOLIO")) return { status: 403 };
    if (!project) return { status: 404, body: "The project could not be found." };
    if (rest === "refresh") project.measuredAt = Date.now();
    if (rest === "refresh") return { status: 200 };
    if (project.measuredAt === undefined && !isOld) return { status: 204 };
    const components = Array.isArray(project.bom.components) ? project.bom.components.length : 0;
    return ok({ components, ...usual, ...options.metrics, lastOccurrence: project.measuredAt ?? project.importedAt - 60_000 });
  }
}

/** A document, or what is wrong with it. */
function readBom(text: string, isEncoded: boolean): Readonly<Record<string, unknown>> | string[] {
  if (isEncoded && text.length > longestBom) return ["The BOM is too large"];
  const bom = jsonOf(isEncoded ? Buffer.from(text, "base64").toString("utf8") : text);
  if (bom?.bomFormat !== "CycloneDX") return ["The BOM is neither valid JSON nor XML"];
  return bom.specVersion === "1.7" ? ["Unrecognized specVersion 1.7"] : bom;
}

function refusalOf(
  method: string,
  headers: ServiceRequest["headers"],
  permissions: readonly string[],
): ServiceAnswer | undefined {
  if (!permissions.includes("BOM_UPLOAD")) return { status: 403 };
  return method === "PUT" && !headers["content-type"]?.startsWith("application/json") ? { status: 415 } : undefined;
}

function toProject({ uuid, projectName: name, projectVersion: version, importedAt: lastBomImport }: Project): object {
  return { uuid, name, version, active: true, isLatest: true, lastBomImport };
}

function isNamed(project: Project, { name, version }: Readonly<Record<string, string>>): boolean {
  return project.projectName === name && project.projectVersion === version;
}

function found(project: Project | undefined, show: (project: Project) => object): ServiceAnswer {
  return project ? ok(show(project)) : { status: 404, body: "The project could not be found." };
}

function ok(body: object): ServiceAnswer {
  return { status: 200, body };
}

/** RFC 9457, as version 4.11 and newer say it. */
function invalid(errors: readonly string[]): ServiceAnswer {
  const body = { status: 400, title: "The uploaded BOM is invalid", detail: "Schema validation failed", errors };
  return { status: 400, body, headers: { "content-type": "application/problem+json" } };
}

function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-");
}

/** The parts of multipart data, as far as this service looks at them. */
function partsOf(body: string, contentType = ""): Readonly<Record<string, string>> {
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1] ?? "\u0000";
  const parts = body.split(`--${boundary}`).map((part) => {
    const [head = "", ...content] = part.split("\r\n\r\n");
    return [/name="([^"]+)"/.exec(head)?.[1] ?? "", content.join("\r\n\r\n").replace(/\r\n$/, "")];
  });
  return Object.fromEntries(parts);
}
