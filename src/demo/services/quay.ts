import { createService, type EmulatedService, type ServiceAnswer } from "./service.ts";

export interface QuayOptions {
  /** The token that is asked for; none means that all repositories are public. */
  readonly token?: string;
  /** How its scan of an image went, by `repository@digest`. Others are queued once and then scanned. */
  readonly scans?: Readonly<Record<string, QuayScan>>;
  readonly features?: readonly object[];
  /** Whether it has a scanner. Default: yes. */
  readonly scanner?: boolean;
}

/** A status of Quay's (quay/quay: endpoints/api/secscan.py), or an index with its images by platform. */
export type QuayScan =
  | "queued"
  | "scanned"
  | "failed"
  | "unsupported"
  | "manifest_layer_too_large"
  | "unknown"
  | Readonly<Record<string, string>>;

/** The default contents of every image: one vulnerability is in two packages. */
const found = [
  feature("openssl-libs", "1:3.0.7-27.el9", { Name: "CVE-2026-1", Severity: "Critical", FixedBy: "1:3.0.7-28.el9" }),
  feature("openssl", "1:3.0.7-27.el9", { Name: "CVE-2026-1", Severity: "Critical", FixedBy: "" }),
  feature("zlib", "1.2.11-40.el9", { Name: "CVE-2026-2", Severity: "Negligible", FixedBy: "" }),
  feature("bash", "5.1.8-9.el9"),
];

/** Quay's API as far as its scanner is concerned: JSON, errors as RFC 9457 has them, 404 for what the caller cannot see. */
export function createQuay({ token, scans = {}, features = found, scanner = true }: QuayOptions = {}): EmulatedService {
  const asked = new Set<string>();
  return createService(({ path, query, headers }) => {
    if (path === "/api/v1/discovery") return discovery(scanner);
    const { authorization } = headers;
    if (token !== undefined && authorization !== `Bearer ${token}`) {
      return authorization
        ? fault(401, "invalid_token", "Invalid token")
        : fault(401, "invalid_token", "Requires authentication");
    }
    const [, repository, digest, rest] =
      /^\/api\/v1\/repository\/(.+)\/manifest\/(sha256:[0-9a-f]{64})(\/security)?$/.exec(path) ?? [];
    const image = `${repository}@${digest}`;
    const scan = scans[image];
    if (repository === undefined || scan === "unknown") return fault(404, "not_found", "Not Found");
    if (rest === undefined) return manifest(digest ?? "", scan);
    if (!scanner) return fault(404, "not_found", "Not Found");
    if (typeof scan === "object") return { status: 200, body: { status: "unsupported", data: null } };
    const isNew = scan === undefined && !asked.has(image);
    asked.add(image);
    const status = scan ?? (isNew ? "queued" : "scanned");
    const listed = query.vulnerabilities === "true" ? features : [];
    const data = { Layer: { Name: digest, ParentName: "", NamespaceName: "", IndexedByVersion: 4, Features: listed } };
    return { status: 200, body: { status, data: status === "scanned" ? data : null } };
  });
}

function manifest(digest: string, scan: QuayScan | undefined): ServiceAnswer {
  const platforms = typeof scan === "object" ? Object.entries(scan) : undefined;
  const manifests = platforms?.map(([platform, child]) => {
    const [os, architecture] = platform.split("/");
    return { digest: child, platform: { os, architecture } };
  });
  const body = { digest, is_manifest_list: platforms !== undefined, manifest_data: JSON.stringify({ manifests }), layers: null };
  return { status: 200, body };
}

function discovery(scanner: boolean): ServiceAnswer {
  const names = [
    "/api/v1/repository/{repository}",
    ...(scanner ? ["/api/v1/repository/{repository}/manifest/{manifestref}/security"] : []),
  ];
  return { status: 200, body: { swagger: "2.0", paths: Object.fromEntries(names.map((name) => [name, {}])) } };
}

function feature(Name: string, Version: string, ...Vulnerabilities: readonly object[]): object {
  return { Name, VersionFormat: "", NamespaceName: "", AddedBy: "", Version, Vulnerabilities };
}

function fault(status: number, title: string, detail: string): ServiceAnswer {
  const headers = { "content-type": "application/problem+json" };
  return { status, body: { detail, error_message: detail, error_type: title, title, status }, headers };
}
