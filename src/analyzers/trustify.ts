import { JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import type { AnalysisRequest, Analyzer } from "./analyzer.ts";
import type { DocumentSource, SbomDocument } from "./documents/documents.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import { mayBeAnotherServer, protocolError, statusOf } from "./http/answers.ts";
import { type HttpAnswer, type HttpEndpoint, type HttpRequest, serviceUrl } from "./http/http.ts";
import { type JsonObject, objectsOf, textOf, textsOf } from "./http/json.ts";
import { type Login, sendWithLogin } from "./http/login.ts";
import { issuerService, oidcLogin } from "./http/oidc-login.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer, openEndpoint } from "./kind.ts";
import { countFound, found } from "./results/count-found.ts";
import type { Service } from "./service.ts";

export interface TrustifySettings {
  readonly endpoint: HttpEndpoint;
  readonly login?: Login | undefined;
  readonly documents: DocumentSource;
}

/** Trustify, also known as Red Hat Trusted Profile Analyzer 2. */
export const trustifyService: Service = {
  name: "Trustify",
  api: "the API of Trustify",
  addressSetting: "BUILD_WATCHER_TRUSTIFY_URL",
  loginSetting: "BUILD_WATCHER_TRUSTIFY_CLIENT_SECRET_FILE (the client needs create.sbom, read.sbom and read.advisory)",
  speaksText: true,
  reasonOf: (status) => (status === 403 ? "AnalyzerLogin" : undefined),
};

/** The settings of options.ts. */
export interface TrustifyOptions {
  readonly trustifyUrl: string | undefined;
  readonly trustifyIssuer: string | undefined;
  readonly trustifyClientId: string | undefined;
  readonly trustifyClientSecretFile: string | undefined;
  readonly trustifyScope: string | undefined;
}

export function openTrustify(options: TrustifyOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const { trustifyUrl: url = "", trustifyIssuer: issuer, trustifyScope: scope } = options;
  const endpoint = openEndpoint(serviceUrl(url), trustifyService, parts);
  const { documents, clock } = parts;
  if (issuer === undefined) return atEndpoint(createTrustifyAnalyzer({ endpoint, documents }), endpoint);
  const secretSetting = "BUILD_WATCHER_TRUSTIFY_CLIENT_SECRET_FILE";
  const tokens = openEndpoint(serviceUrl(issuer), issuerService("BUILD_WATCHER_TRUSTIFY_ISSUER", secretSetting), parts);
  const { trustifyClientId: clientId = "", trustifyClientSecretFile: secretFile = "" } = options;
  const login = oidcLogin({ endpoint: tokens, clientId, secretFile, secretSetting, scope, clock });
  const close = () => {
    endpoint.close();
    tokens.close();
  };
  return { ...atEndpoint(createTrustifyAnalyzer({ endpoint, login, documents }), endpoint), close };
}

type Version = "v3" | "v2";

/** Notes that a service has for people: the first of them, cut. */
const mostWarnings = 5;
const longestWarning = 300;

/**
 * Uploads the bill of materials of an image (POST /api/v3/sbom, before Trustify 0.5 /api/v2/sbom) and counts the advisories that affect it. The
 * same bytes get the same id, so that an upload can be repeated.
 */
export function createTrustifyAnalyzer({ endpoint, login, documents }: TrustifySettings): Analyzer {
  const inVersion = createVersions(endpoint.name);

  return {
    name: "trustify",
    async submit(request, signal) {
      const { output } = request;
      if (!output) return nothingToAnalyze("trustify");
      const formats = ["cyclonedx", "spdx"] as const;
      const document = await documents.documentOf(output, { formats }, signal);
      const answer = await upload(document, request, signal).catch(async (error: unknown) => {
        // Releases before 2.2 take CycloneDX up to 1.5.
        if (statusOf(error) !== 400 || document.format !== "cyclonedx" || !/unsupported/i.test(String(error))) throw error;
        return upload(await documents.documentOf(output, { formats, cycloneDx: "1.5" }, signal), request, signal);
      });
      const id = textOf(answer.json().id);
      if (id === undefined || id.length > 256) throw protocolError("names no id of the document", trustifyService);
      const { coverage, why, packages } = document;
      return {
        analyzer: "trustify",
        analyses: [{ of: "output", id, cached: answer.status === 200 }],
        notes: [...(document.notes ?? []), ...warningsOf(answer)],
        findings: { coverage, ...(why && { why }), ...(packages !== undefined && { packages }) },
        link: `${endpoint.name}/sboms/${encodeURIComponent(id)}`,
      };
    },
    async status(analysisId, signal) {
      const path = (api: Version) => `/api/${api}/sbom/${encodeURIComponent(analysisId)}/advisory`;
      const answer = await inVersion((api) => send({ method: "GET", path: path(api), expect: [404] }, signal));
      if (answer.status === 404) return { state: "unknown" };
      return { state: "succeeded", findings: await readAdvisories(answer) };
    },
    async discover(signal) {
      await inVersion((api) => send({ method: "GET", path: `/api/${api}/sbom`, query: { limit: "1" } }, signal));
    },
  };

  function send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    return login ? sendWithLogin(endpoint, login, request, signal) : endpoint.send(request, signal);
  }

  function upload(document: SbomDocument, { build, jobId }: AnalysisRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const labels = {
      "labels.source": "build-watcher",
      "labels.namespace": build?.namespace,
      "labels.build": build?.name ?? jobId,
    };
    const query = { ...labels, format: document.format, cache: "queue" };
    const headers = { "content-type": "application/json" };
    return inVersion((api) => send({ method: "POST", path: `/api/${api}/sbom`, query, body: document.text, headers }, signal));
  }
}

function warningsOf(answer: HttpAnswer): readonly string[] {
  const warnings = textsOf(answer.json().warnings).slice(0, mostWarnings);
  return warnings.map((warning) => `Trustify: ${warning.slice(0, longestWarning)}`);
}

/** Uses the API version that worked last; at first the newer one. */
function createVersions(url: string) {
  let version: Version | undefined;

  async function asked(api: Version, ask: (version: Version) => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const answer = await ask(api);
    // Its user interface answers unknown paths with a page.
    if (answer.text.trimStart().startsWith("<")) throw protocolError("is a web page, not JSON", trustifyService);
    if (answer.status !== 404) version = api;
    return answer;
  }

  return async (ask: (version: Version) => Promise<HttpAnswer>): Promise<HttpAnswer> => {
    if (version) return ask(version);
    try {
      return await asked("v3", ask);
    } catch (error) {
      if (!mayBeAnotherServer(error)) throw error;
      return asked("v2", ask).catch((second: unknown) => {
        throw mayBeAnotherServer(second) ? noApi(url, second as Error) : second;
      });
    }
  };
}

function noApi(url: string, { message }: Error): JobError {
  return new JobError("AnalyzerUnavailable", `There is no Trustify at ${url}: check BUILD_WATCHER_TRUSTIFY_URL. ${message}`);
}

/** Each vulnerability that affects the image, once, by its average severity over the advisories. */
async function readAdvisories(answer: HttpAnswer): Promise<Findings> {
  const { severities } = await countFound(foundIn(answer.list()));
  return { coverage: "complete", severities };
}

function* foundIn(advisories: readonly unknown[]) {
  for (const advisory of advisories)
    for (const { status, vulnerability_id, average_severity } of objectsOf((advisory as JsonObject | null)?.status))
      if (status === "affected") yield found(vulnerability_id, average_severity, false);
}
