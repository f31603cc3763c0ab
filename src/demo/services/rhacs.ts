import { createService, type EmulatedService, jsonOf, type ServiceAnswer, type ServiceRequest } from "./service.ts";

export interface RhacsOptions {
  /** API tokens that are taken. */
  readonly tokens: readonly string[];
  /** Service account tokens that are exchanged for the first of them. */
  readonly serviceAccounts?: readonly string[];
  /** Secured clusters that can be named. */
  readonly clusters?: readonly string[];
  /** What the image of a name holds; the default is an image with seven vulnerabilities. */
  readonly images?: Readonly<Record<string, object>>;
  /** What the tokens may do with images. */
  readonly access?: "READ_WRITE_ACCESS" | "READ_ACCESS";
  /** Names of policies that every image violates. */
  readonly violations?: readonly string[];
}

/** The part of RHACS Central that build pipelines use: proto JSON, numbers as texts, zero values left out, and its own page for every path it does not know. */
export function createRhacs(options: RhacsOptions): EmulatedService {
  return createService((request) => {
    if (!/^\/v1\//.test(request.path)) return { status: 200, body: page, headers: { "content-type": "text/html" } };
    if (request.path === "/v1/auth/m2m/exchange") return exchange(request, options);
    if (!isAllowed(request, options)) return fault(401, 16, "credentials not found: token: unrecognized");
    const { access = "READ_WRITE_ACCESS" } = options;
    if (request.method === "POST" && access !== "READ_WRITE_ACCESS")
      return fault(403, 7, 'not authorized: "READ_WRITE_ACCESS" for "Image"');
    switch (`${request.method} ${request.path}`) {
      case "GET /v1/auth/status":
        return {
          status: 200,
          body: { userId: "sso:bot", userInfo: { permissions: { resourceToAccess: { Image: access } } } },
        };
      case "POST /v1/images/scan":
        return named(request, options, (name) => ({ status: 200, body: options.images?.[name] ?? imageOf(name) }));
      case "POST /v1/detect/build":
        return named(request, options, () => ({ status: 200, body: { alerts: (options.violations ?? []).map(alertOf) } }));
      default:
        return fault(404, 5, "Not Found");
    }
  });
}

const page =
  "<!doctype html><html><head><title>Red Hat Advanced Cluster Security</title></head><body><div id=root></div></body></html>";

function exchange(request: ServiceRequest, { serviceAccounts = [], tokens }: RhacsOptions): ServiceAnswer {
  const { idToken } = jsonOf(request.body) ?? {};
  if (!serviceAccounts.includes(String(idToken))) return fault(401, 16, "no machine to machine configuration matches the token");
  return { status: 200, body: { accessToken: tokens[0] } };
}

function isAllowed({ headers }: ServiceRequest, { tokens }: RhacsOptions): boolean {
  return tokens.some((token) => headers.authorization === `Bearer ${token}`);
}

function named(request: ServiceRequest, { clusters = [] }: RhacsOptions, answer: (name: string) => ServiceAnswer): ServiceAnswer {
  const { imageName, cluster } = jsonOf(request.body) ?? {};
  if (typeof imageName !== "string" || imageName === "") return fault(400, 3, "image name must be specified");
  if (cluster !== undefined && !clusters.includes(String(cluster))) return fault(404, 5, `cluster "${cluster}" not found`);
  if (imageName.startsWith("image-registry.") && cluster === undefined) {
    return fault(400, 3, `no matching image registries found: please add an image integration for ${imageName.split("/")[0]}`);
  }
  return answer(imageName);
}

/** An image of Red Hat's with a vulnerability of each kind; CVE-2026-1 is in two of its components. */
function imageOf(name: string): object {
  const digest = name.split("@")[1] ?? `sha256:${"0".repeat(64)}`;
  const vulnerability = (cve: string, severity: string, fixedBy?: string) => ({
    cve,
    cvss: 7.5,
    severity: `${severity}_VULNERABILITY_SEVERITY`,
    ...(fixedBy && { fixedBy }),
    state: "OBSERVED",
  });
  const shared = vulnerability("CVE-2026-1", "CRITICAL", "1:3.0.7-28.el9");
  return {
    id: digest,
    name: { registry: name.split("/")[0], fullName: name },
    metadata: { v1: { digest, layers: [{}] } },
    scan: {
      scannerVersion: "4.11.0",
      operatingSystem: "rhel:9",
      components: [
        {
          name: "openssl-libs",
          version: "1:3.0.7-27.el9",
          vulns: [shared, vulnerability("CVE-2026-2", "IMPORTANT", "1:3.0.7-28.el9")],
        },
        { name: "openssl", version: "1:3.0.7-27.el9", vulns: [shared, vulnerability("CVE-2026-3", "MODERATE")] },
        {
          name: "zlib",
          version: "1.2.11-40.el9",
          vulns: [vulnerability("CVE-2026-4", "LOW"), vulnerability("CVE-2026-5", "UNKNOWN")],
        },
        { name: "tzdata", version: "2026a-1.el9" },
      ],
    },
    components: 4,
    cves: "5",
    fixableCves: "2",
    lastUpdated: "2026-11-26T09:20:03Z",
  };
}

function alertOf(name: string, index: number): object {
  return {
    id: `alert-${index}`,
    policy: { id: `policy-${index}`, name, severity: "HIGH_SEVERITY" },
    violations: [{ message: name }],
  };
}

/** An error as grpc-gateway writes it. */
function fault(status: number, code: number, message: string): ServiceAnswer {
  return { status, body: { code, message, error: message, details: [] } };
}
