import type { Clock } from "../../core/clock.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { HttpAnswer, HttpRequest } from "../http/http.ts";
import { objectsOf, textsOf } from "../http/json.ts";

/** What is agreed with an adapter, in MIME types. */
export interface Agreement {
  readonly manifest: string;
  readonly report: string;
  /** Of the scan request. */
  readonly version: "1.0" | "1.1";
}

export interface Capabilities {
  /** What was agreed last, for ten minutes. */
  get(signal: AbortSignal): Promise<Agreement>;
  /** Asks the adapter. Throws `JobError`. */
  read(signal: AbortSignal): Promise<Agreement>;
}

const freshFor = 10 * 60_000;
const metadataTypes = ["1.1", "1.0"].map((version) => `application/vnd.scanner.adapter.metadata+json; version=${version}`);

/** The first of these that an adapter has is taken. */
const manifests = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const reports = [
  "application/vnd.security.vulnerability.report; version=1.1",
  "application/vnd.security.vulnerability.report; version=1.0",
  "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
];

/** Asks an adapter what it can (GET /metadata), and chooses. */
export function createCapabilities(
  send: (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>,
  clock: Clock,
): Capabilities {
  let last: { readonly at: number; readonly agreement: Agreement } | undefined;

  async function read(signal: AbortSignal): Promise<Agreement> {
    const answer = await send({ method: "GET", path: "/metadata", headers: { Accept: metadataTypes.join(", ") } }, signal);
    const agreement = { ...agree(answer), version: versionOf(answer) };
    last = { at: clock.now(), agreement };
    return agreement;
  }

  return {
    read,
    get: async (signal) => (last && clock.now() - last.at < freshFor ? last.agreement : read(signal)),
  };
}

function agree(answer: HttpAnswer): Pick<Agreement, "manifest" | "report"> {
  const found = objectsOf(answer.json().capabilities).filter(({ type }) => type === undefined || type === "vulnerability");
  for (const capability of found) {
    const manifest = choose(manifests, textsOf(capability.consumes_mime_types));
    const report = choose(reports, textsOf(capability.produces_mime_types));
    if (manifest && report) return { manifest, report };
  }
  throw new JobError(
    "AnalyzerUnavailable",
    "The Harbor scanner adapter does not find vulnerabilities in images: set BUILD_WATCHER_HARBOR_SCANNER_URL to one that does.",
  );
}

/** As the adapter itself writes it: some compare the texts. */
function choose(wanted: readonly string[], offered: readonly string[]): string | undefined {
  const bare = (type: string) => type.replace(/\s/g, "").toLowerCase();
  return wanted.map((type) => offered.find((other) => bare(other) === bare(type))).find((type) => type !== undefined);
}

function versionOf(answer: HttpAnswer): "1.0" | "1.1" {
  return /version=1\.0/.test(answer.header("content-type") ?? "") ? "1.0" : "1.1";
}
