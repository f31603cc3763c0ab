import { createHash } from "node:crypto";
import { createService, type EmulatedService, jsonOf, type ServiceAnswer, type ServiceRequest } from "./service.ts";

export interface HarborScannerOptions {
  /** The value of the header that is asked for; none means that everybody may scan. */
  readonly authorization?: string;
  /** How often a report is not ready yet. */
  readonly refusals?: number;
  readonly vulnerabilities?: readonly object[] | null;
  readonly capabilities?: readonly object[];
}

export interface EmulatedScanner extends EmulatedService {
  /** Forgets all scans, as an adapter that lost its Redis. */
  forget(): void;
}

const reportType = "application/vnd.security.vulnerability.report; version=1.1";
const usual = [
  {
    type: "vulnerability",
    consumes_mime_types: ["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"],
    produces_mime_types: ["application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0", reportType],
  },
  { type: "sbom", consumes_mime_types: [], produces_mime_types: ["application/vnd.security.sbom.report+json; version=1.0"] },
];

/** The default vulnerabilities of every image: one is in two packages. */
const found = [
  { id: "CVE-2026-1", package: "openssl", severity: "Critical", fix_version: "3.0.8" },
  { id: "CVE-2026-1", package: "openssl-libs", severity: "Critical", fix_version: "3.0.8" },
  { id: "CVE-2026-2", package: "zlib", severity: "Negligible" },
];

/** A scanner adapter below /api/v1, as Trivy's answers: 202, then 302 until the report is there. */
export function createHarborScanner(options: HarborScannerOptions = {}): EmulatedScanner {
  const scans = new Map<string, { asked: number; readonly image: string }>();
  const service = createService((request) => {
    const { authorization } = options;
    const { headers, path } = request;
    if (authorization && ![headers.authorization, headers["x-scanneradapter-api-key"]].includes(authorization))
      return fault(401, "unauthorized");
    if (path === "/api/v1/metadata") return metadata(options);
    if (path === "/api/v1/scan" && request.method === "POST") return scan(request);
    const [, id = ""] = /^\/api\/v1\/scan\/([^/]+)\/report$/.exec(path) ?? [];
    return id ? report(id, request) : fault(404, "not found");
  });
  return Object.defineProperties(
    {},
    { ...Object.getOwnPropertyDescriptors(service), forget: { value: () => scans.clear() } },
  ) as EmulatedScanner;

  function scan({ body, headers }: ServiceRequest): ServiceAnswer {
    const {
      registry,
      artifact,
      enabled_capabilities: wanted,
    } = (jsonOf(body) ?? {}) as Record<string, Record<string, string> | undefined>;
    if (!registry || !artifact) return fault(400, "cannot unmarshal the request");
    if (!/scan\.request\+json/.test(headers["content-type"] ?? "")) return fault(415, "unsupported media type");
    if (!URL.canParse(registry.url ?? "")) return fault(422, "invalid registry URL");
    if (!artifact.repository || !artifact.digest) return fault(422, "missing artifact digest");
    const asked = Array.isArray(wanted) ? (wanted as { produces_mime_types?: readonly string[] }[]) : [];
    if (asked.length === 0 || asked.some(({ produces_mime_types: types = [] }) => types.length === 0))
      return fault(400, "produces_mime_types must not be empty");
    if (registry.authorization !== undefined && !/^Basic [\w+/]+=*$/.test(registry.authorization))
      return fault(422, "unsupported registry authorization type");
    const image = `${artifact.repository}@${artifact.digest}`;
    const id = createHash("sha256").update(`${image} ${scans.size}`).digest("hex").slice(0, 24);
    scans.set(id, { asked: 0, image });
    return { status: 202, body: { id } };
  }

  function report(id: string, { headers }: ServiceRequest): ServiceAnswer {
    const known = scans.get(id);
    if (!known) return fault(404, `cannot find scan job: ${id}`);
    if (headers.accept !== reportType) return fault(415, "unsupported report type");
    known.asked += 1;
    if (known.asked <= (options.refusals ?? 1)) {
      return { status: 302, headers: { location: `/api/v1/scan/${id}/report`, "refresh-after": "1" } };
    }
    const { vulnerabilities = found } = options;
    return {
      status: 200,
      body: { generated_at: "2026-11-26T09:20:00Z", vulnerabilities },
      headers: { "content-type": reportType },
    };
  }
}

function metadata({ capabilities = usual }: HarborScannerOptions): ServiceAnswer {
  const scanner = { name: "Trivy", vendor: "Aqua Security", version: "0.76.0" };
  const headers = { "content-type": "application/vnd.scanner.adapter.metadata+json; version=1.1" };
  return { status: 200, body: { scanner, capabilities, properties: {} }, headers };
}

function fault(status: number, message: string): ServiceAnswer {
  return { status, body: { error: { message } } };
}
