import { fillImageTemplate, type ImageValues, imageValues } from "../core/images/image-template.ts";
import { JobError } from "../core/jobs/errors.ts";
import { createTurns } from "../core/turns.ts";
import type { Analyzer } from "./analyzer.ts";
import type { DocumentSource } from "./documents/documents.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import { protocolError } from "./http/answers.ts";
import { type HttpEndpoint, type HttpRequest, serviceUrl } from "./http/http.ts";
import { objectsOf, textOf } from "./http/json.ts";
import { fileLogin, type Login, sendWithLogin } from "./http/login.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer, openEndpoint } from "./kind.ts";
import { createMetricsReader, dependencyTrackService } from "./results/dependency-track-metrics.ts";

/** Templates of core/images/image-template.ts. */
export interface ProjectTemplates {
  readonly name: string;
  readonly version: string;
  readonly parent?: string | undefined;
  readonly tags: readonly string[];
}

export interface DependencyTrackSettings {
  readonly endpoint: HttpEndpoint;
  readonly login: Login;
  readonly documents: DocumentSource;
  readonly project: ProjectTemplates;
  /** Where people see projects, without a slash at its end. */
  readonly frontend?: string | undefined;
}

/** The settings of options.ts. */
export interface DependencyTrackOptions {
  readonly dependencyTrackUrl: string | undefined;
  readonly dependencyTrackKeyFile: string | undefined;
  readonly dependencyTrackProject: string;
  readonly dependencyTrackVersion: string;
  readonly dependencyTrackParent: string | undefined;
  readonly dependencyTrackTags: readonly string[];
  readonly dependencyTrackFrontend: string | undefined;
}

export function openDependencyTrack(options: DependencyTrackOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const { dependencyTrackUrl: url = "", dependencyTrackKeyFile: file = "", dependencyTrackFrontend } = options;
  // Its user interface passes /api on, and many people use that address.
  const endpoint = openEndpoint(serviceUrl(url).replace(/\/api(?:\/v1)?$/, ""), dependencyTrackService, parts);
  const login = fileLogin(file, "BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE", (key) => ({ "x-api-key": key }));
  const project = {
    name: options.dependencyTrackProject,
    version: options.dependencyTrackVersion,
    parent: options.dependencyTrackParent,
    tags: options.dependencyTrackTags,
  };
  const frontend = dependencyTrackFrontend && serviceUrl(dependencyTrackFrontend);
  const { documents } = parts;
  return atEndpoint(createDependencyTrackAnalyzer({ endpoint, login, documents, project, frontend }), endpoint);
}

/** The most characters of base64 in a JSON upload (v5's documentation); longer documents are sent as a file. */
const longestJson = 20_000_000;

/**
 * Uploads the bill of materials of an image (PUT /api/v1/bom), one at a time for a version of a project since version 4 mixes them up
 * (DependencyTrack#3324), and reads the project's metrics when it has been processed. An upload replaces the earlier one, so it can be repeated.
 */
export function createDependencyTrackAnalyzer(settings: DependencyTrackSettings): Analyzer {
  const { endpoint, login, documents, project, frontend } = settings;
  const send = (request: HttpRequest, signal: AbortSignal) => sendWithLogin(endpoint, login, request, signal);
  const metrics = createMetricsReader(send);
  const turns = createTurns();

  return {
    name: "dependency-track",
    async submit(request, signal) {
      const { output } = request;
      if (!output) return nothingToAnalyze("dependency-track");
      const document = await documents.documentOf(output, { formats: ["cyclonedx"] }, signal);
      const values = imageValues(output.reference, request);
      const fields = fieldsOf(project, values);
      const key = `${fields.projectName}@${fields.projectVersion}`;
      const answer = await turns.run(key, () => send(upload(fields, document.text), signal));
      const token = textOf(answer.json().token);
      if (token === undefined) throw protocolError("names no token", dependencyTrackService);
      const uuid = textOf(answer.json().projectUuid) ?? (await lookUp(fields, signal));
      const { coverage, why, packages } = document;
      return {
        analyzer: "dependency-track",
        analyses: [{ of: "output", id: `${token}.${uuid}`, cached: false }],
        notes: document.notes ?? [],
        findings: { coverage, ...(why && { why }), ...(packages !== undefined && { packages }) },
        ...(frontend && { link: `${frontend}/projects/${uuid}` }),
      };
    },
    async status(analysisId, signal) {
      const [token = "", uuid = ""] = analysisId.split(".").map(encodeURIComponent);
      const event = await send({ method: "GET", path: `/api/v1/event/token/${token}` }, signal);
      if (event.json().processing === true) return { state: "running" };
      return metrics.read(uuid, analysisId, signal);
    },
    async discover(signal) {
      await metrics.readVersion(signal);
      await checkRights(signal);
    },
  };

  async function lookUp({ projectName: name, projectVersion: version }: ProjectFields, signal: AbortSignal): Promise<string> {
    const answer = await send({ method: "GET", path: "/api/v1/project/lookup", query: { name, version } }, signal);
    const uuid = textOf(answer.json().uuid);
    if (uuid === undefined) throw protocolError("names no project", dependencyTrackService);
    return uuid;
  }

  async function checkRights(signal: AbortSignal): Promise<void> {
    const answer = await send({ method: "GET", path: "/api/v1/team/self", expect: [403, 404] }, signal);
    if (answer.status !== 200) return;
    const rights = objectsOf(answer.json().permissions).map(({ name }) => name);
    if (rights.length === 0 || rights.includes("BOM_UPLOAD")) return;
    throw new JobError(
      "AnalyzerLogin",
      "The team of the key in BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE lacks BOM_UPLOAD. Grant it; new projects need PROJECT_CREATION_UPLOAD, findings VIEW_PORTFOLIO.",
    );
  }
}

interface ProjectFields {
  readonly projectName: string;
  readonly projectVersion: string;
  readonly parentName?: string;
  readonly tags: readonly string[];
}

function fieldsOf({ name, version, parent, tags }: ProjectTemplates, values: ImageValues): ProjectFields {
  const fill = (template: string) => fillImageTemplate(template, values).slice(0, 255);
  const parentName = parent && fill(parent);
  return {
    projectName: fill(name) || values.repository,
    projectVersion: fill(version) || values.digest12,
    ...(parentName && { parentName }),
    tags: tags.map(fill).filter(Boolean),
  };
}

function upload({ tags, ...fields }: ProjectFields, document: string): HttpRequest {
  const path = "/api/v1/bom";
  const bom = Buffer.from(document).toString("base64");
  const all = { ...fields, autoCreate: true, isLatest: true };
  if (bom.length <= longestJson) {
    return { method: "PUT", path, body: { ...all, projectTags: tags.map((name) => ({ name })), bom } };
  }
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...all, projectTags: tags.join(",") })) form.set(name, String(value));
  form.set("bom", new Blob([document], { type: "application/json" }), "bom.json");
  return { method: "POST", path, body: form };
}
