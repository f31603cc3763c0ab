import { createHash } from "node:crypto";
import { createService, type EmulatedService, jsonOf, type ServiceAnswer, type ServiceRequest } from "./service.ts";

export interface TrustifyOptions {
  /** The API that it has: `v2` before Trustify 0.5. */
  readonly api?: "v2" | "v3";
  /** Versions of CycloneDX that are taken. */
  readonly cycloneDx?: readonly string[];
  /** The client that gets tokens; absent: no login is needed. */
  readonly client?: { readonly id: string; readonly secret: string };
  /** Seconds that a token lives. */
  readonly tokenLife?: number;
  /** What the client may do. */
  readonly permissions?: readonly string[];
  /** Bytes of a document that are taken. */
  readonly limit?: number;
  readonly warnings?: readonly string[];
  readonly advisories?: readonly object[];
}

export interface EmulatedTrustify extends EmulatedService {
  readonly documents: readonly string[];
  /** Takes back all tokens given so far. */
  revoke(): void;
}

const status = (id: string, severity: string, state = "affected") => ({
  vulnerability_id: id,
  average_severity: severity,
  status: state,
  packages: [],
});
const usual = [
  { uuid: "a-1", identifier: "RHSA-2026:1", status: [status("CVE-2026-1", "critical"), status("CVE-2026-2", "high", "fixed")] },
  { uuid: "a-2", identifier: "GHSA-1", status: [status("CVE-2026-1", "critical"), status("CVE-2026-3", "none")] },
];

/** Trustify, with an issuer of tokens below /realms/trustify and its user interface at every path it does not know. */
export function createTrustify(options: TrustifyOptions = {}): EmulatedTrustify {
  const { api = "v3", client, tokenLife = 300, cycloneDx = ["1.3", "1.4", "1.5", "1.6"] } = options;
  const documents = new Map<string, string>();
  const tokens = new Set<string>();
  let given = 0;
  const service: EmulatedService = createService((request) => {
    const { path, method } = request;
    if (path.startsWith("/realms/trustify/")) return issue(request);
    if (!path.startsWith(`/api/${api}/sbom`)) return method === "GET" ? page : { status: path.startsWith("/api/") ? 405 : 404 };
    if (client && !tokens.has(request.headers.authorization ?? ""))
      return { status: 401, body: { error: "Unauthorized", message: "token expired" } };
    const needed = method === "POST" ? "create.sbom" : path.endsWith("/advisory") ? "read.advisory" : "read.sbom";
    if (!(options.permissions ?? [needed]).includes(needed))
      return { status: 403, body: { error: "Forbidden", message: `Requires ${needed}` } };
    if (method === "POST") return take(request);
    const [, id] = /^\/api\/v\d\/sbom\/([^/]+)\/advisory$/.exec(path) ?? [];
    if (id === undefined) return { status: 200, body: { items: [], total: documents.size } };
    return documents.has(decodeURIComponent(id))
      ? { status: 200, body: options.advisories ?? usual }
      : { status: 404, body: { error: "NotFound", message: "no such SBOM" } };
  });
  const further = { documents: { get: () => [...documents.values()] }, revoke: { value: () => tokens.clear() } };
  return Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(service), ...further }) as EmulatedTrustify;

  function issue({ path, body, method }: ServiceRequest): ServiceAnswer {
    const address = `${service.url}/realms/trustify/protocol/openid-connect/token`;
    if (path.endsWith("/.well-known/openid-configuration")) return { status: 200, body: { token_endpoint: address } };
    const form = new URLSearchParams(body);
    const isRight =
      method === "POST" &&
      form.get("grant_type") === "client_credentials" &&
      form.get("client_id") === client?.id &&
      form.get("client_secret") === client?.secret;
    if (!isRight)
      return {
        status: 401,
        body: { error: "invalid_client", error_description: "Invalid client or Invalid client credentials" },
      };
    given += 1;
    tokens.add(`Bearer access-${given}`);
    return { status: 200, body: { access_token: `access-${given}`, expires_in: tokenLife, token_type: "Bearer" } };
  }

  function take({ body, query }: ServiceRequest): ServiceAnswer {
    if (Buffer.byteLength(body) > (options.limit ?? Number.POSITIVE_INFINITY))
      return { status: 413, body: "A payload reached size limit." };
    const document = jsonOf(body);
    if (!document) return { status: 400, body: { error: "Json", message: "expected value at line 1 column 1" } };
    const spdx = typeof document?.spdxVersion === "string";
    if (query.format !== undefined && query.format !== (spdx ? "spdx" : "cyclonedx"))
      return { status: 400, body: { error: "Content", message: `the document is not ${query.format}` } };
    if (!spdx && !cycloneDx.includes(String(document?.specVersion))) {
      const message = `CycloneDX version ${document?.specVersion} is unsupported; try ${cycloneDx.join(", ")}`;
      return { status: 400, body: { error: "UnsupportedFormat", message } };
    }
    const id = `urn:uuid:${createHash("sha256").update(body).digest("hex").slice(0, 32)}`;
    documents.set(id, body);
    return { status: 201, body: { id, document_id: `urn:cyclonedx:${id}/1`, warnings: options.warnings ?? [] } };
  }
}

const page: ServiceAnswer = {
  status: 200,
  body: "<!doctype html><html><title>Trustify</title></html>",
  headers: { "content-type": "text/html" },
};
