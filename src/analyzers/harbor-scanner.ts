import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import type { AnalysisImage, AnalysisStatus, Analyzer } from "./analyzer.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import { protocolError } from "./http/answers.ts";
import { type HttpAnswer, type HttpEndpoint, type HttpRequest, serviceUrl } from "./http/http.ts";
import { type JsonObject, objectsOf, textOf } from "./http/json.ts";
import { type Login, readSecretFile, sendWithLogin } from "./http/login.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer, openEndpoint } from "./kind.ts";
import { countFound, found } from "./results/count-found.ts";
import { type Agreement, createCapabilities } from "./results/harbor-capabilities.ts";
import type { Service } from "./service.ts";

export interface HarborScannerSettings {
  readonly endpoint: HttpEndpoint;
  readonly login?: Login | undefined;
  readonly clock: Clock;
}

/** A scanner that Harbor could use: Trivy's, Anchore's and Sysdig's adapters speak this API. */
export const harborScannerService: Service = {
  name: "The Harbor scanner adapter",
  api: "a scanner adapter's API, /api/v1 included",
  addressSetting: "BUILD_WATCHER_HARBOR_SCANNER_URL",
  loginSetting: "BUILD_WATCHER_HARBOR_SCANNER_LOGIN_FILE",
};

/** The settings of options.ts. */
export interface HarborScannerOptions {
  readonly harborScannerUrl: string | undefined;
  readonly harborScannerLoginFile: string | undefined;
}

export function openHarborScanner(options: HarborScannerOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const { harborScannerUrl: url = "", harborScannerLoginFile: file } = options;
  const endpoint = openEndpoint(serviceUrl(url), harborScannerService, parts);
  const login = file === undefined ? undefined : harborScannerLogin(file);
  return atEndpoint(createHarborScannerAnalyzer({ endpoint, login, clock: parts.clock }), endpoint);
}

interface Scan {
  readonly image: AnalysisImage;
  id: string;
  retried: boolean;
}

/** Scans kept for another try; an adapter works on a few at a time. */
const mostScans = 1_000;

/**
 * Harbor's pluggable scanner API 1.2 (goharbor/pluggable-scanner-spec). A report that is not ready is a redirect to itself; a scan that the
 * adapter lost or failed at is asked for once more.
 */
export function createHarborScannerAnalyzer({ endpoint, login, clock }: HarborScannerSettings): Analyzer {
  const capabilities = createCapabilities(send, clock);
  const scans = new Map<string, Scan>();

  return {
    name: "harbor-scanner",
    async submit({ output }, signal) {
      if (!output) return nothingToAnalyze("harbor-scanner");
      const id = await start(output, signal);
      scans.set(id, { image: output, id, retried: false });
      for (const oldest of scans.keys()) if (scans.size > mostScans) scans.delete(oldest);
      const kept = output.login && !mayHaveLogin(endpoint.name);
      const notes = kept
        ? ["The registry's login was not passed on: BUILD_WATCHER_HARBOR_SCANNER_URL is neither https nor inside the cluster."]
        : [];
      return { analyzer: "harbor-scanner", analyses: [{ of: "output", id, cached: false }], notes };
    },
    async status(analysisId, signal) {
      const scan = scans.get(analysisId);
      const { report } = await capabilities.get(signal);
      const path = `/scan/${encodeURIComponent(scan?.id ?? analysisId)}/report`;
      const answer = await send({ method: "GET", path, headers: { Accept: report }, expect: [302, 404, 500] }, signal);
      if (answer.status === 302) return { state: "running", retryAfter: refreshAfter(answer) };
      if (answer.status === 200) {
        const status: AnalysisStatus = { state: "succeeded", findings: await readReport(answer) };
        scans.delete(analysisId);
        return status;
      }
      if (scan && !scan.retried) return startAgain(scan, signal);
      scans.delete(analysisId);
      const why = answer.status === 404 ? "the scanner does not know the scan any more" : "the scanner failed at the image";
      return { state: "failed", reason: why };
    },
    discover: async (signal) => void (await capabilities.read(signal)),
  };

  function send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    return login ? sendWithLogin(endpoint, login, request, signal) : endpoint.send(request, signal);
  }

  async function startAgain(scan: Scan, signal: AbortSignal): Promise<AnalysisStatus> {
    scan.retried = true;
    scan.id = await start(scan.image, signal);
    return { state: "running" };
  }

  async function start(image: AnalysisImage, signal: AbortSignal): Promise<string> {
    const answer = await send(scanRequest(image, await capabilities.get(signal), endpoint.name), signal);
    const id = textOf(answer.json().id);
    if (id === undefined || id.length > 256) throw protocolError("names no scan", harborScannerService);
    return id;
  }
}

function scanRequest(image: AnalysisImage, { manifest, report, version }: Agreement, url: string): HttpRequest {
  const { registry, repository, tag, digest } = image.reference;
  if (!digest) throw new JobError("AnalyzerRejected", "A Harbor scanner adapter needs a digest, and this image has none.");
  const authorization = mayHaveLogin(url) ? authorizationOf(image) : undefined;
  const body = {
    registry: { url: `${image.verifyTls ? "https" : "http"}://${registry}`, ...(authorization && { authorization }) },
    artifact: { repository, digest, ...(tag && { tag }), mime_type: manifest },
    enabled_capabilities: [{ type: "vulnerability", produces_mime_types: [report] }],
  };
  const headers = {
    "content-type": `application/vnd.scanner.adapter.scan.request+json; version=${version}`,
    Accept: "application/vnd.scanner.adapter.scan.response+json; version=1.0",
  };
  const secrets = [image.login?.password, authorization?.replace("Basic ", "")].filter((secret) => secret !== undefined);
  return { method: "POST", path: "/scan", body: JSON.stringify(body), headers, secrets };
}

/** A login by what a file says: `Basic …` or `Bearer …`, else the adapter's API key. */
export function harborScannerLogin(path: string): Login {
  return {
    async headers() {
      const secret = await readSecretFile(path, "BUILD_WATCHER_HARBOR_SCANNER_LOGIN_FILE");
      const name = /^(?:basic|bearer) /i.test(secret) ? "authorization" : "x-scanneradapter-api-key";
      return { headers: { [name]: secret }, secrets: [secret, secret.replace(/^\S+ /, "")] };
    },
    renew: () => false,
  };
}

/** Older adapters know Basic alone; a token is the password then. */
function authorizationOf({ login }: AnalysisImage): string | undefined {
  return login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
}

/** The adapter gets a registry's password in clear, so only where nobody can listen. */
function mayHaveLogin(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || /(?:^|\.)svc(?:\.cluster\.local)?$|^localhost$|^127\.0\.0\.1$|^\[::1\]$/.test(hostname);
}

/** Milliseconds; a second at least, five minutes at most. */
function refreshAfter(answer: HttpAnswer): number {
  const seconds = Number(answer.header("refresh-after") ?? 5);
  return Math.min(Math.max(Number.isFinite(seconds) ? seconds : 5, 1), 300) * 1_000;
}

/** Every report has one of these, also where nothing was found. */
const partsOfReport = ["vulnerabilities", "artifact", "scanner", "generated_at"];

async function readReport(answer: HttpAnswer): Promise<Findings> {
  const report = answer.json();
  if (!partsOfReport.some((part) => part in report)) throw protocolError("is no report", harborScannerService);
  const { vulnerabilities } = report;
  if (vulnerabilities !== undefined && vulnerabilities !== null && !Array.isArray(vulnerabilities))
    throw protocolError("has vulnerabilities that are no list", harborScannerService);
  return { coverage: "complete", ...(await countFound(foundIn(objectsOf(vulnerabilities)))) };
}

function* foundIn(vulnerabilities: readonly JsonObject[]) {
  for (const { id, severity, fix_version } of vulnerabilities) yield found(id, severity, textOf(fix_version) !== undefined);
}
