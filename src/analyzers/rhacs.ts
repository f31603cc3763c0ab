import { formatImageReference } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import type { AnalysisRequest, Analyzer } from "./analyzer.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import { protocolError } from "./http/answers.ts";
import { type HttpEndpoint, type HttpRequest, serviceUrl } from "./http/http.ts";
import { isObject, type JsonObject, objectOf, objectsOf, textOf, textsOf } from "./http/json.ts";
import { type Login, sendWithLogin } from "./http/login.ts";
import { podTokenFile, rhacsLogin } from "./http/rhacs-login.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer, openEndpoint } from "./kind.ts";
import { countFound, found } from "./results/count-found.ts";
import type { Service } from "./service.ts";

export interface RhacsSettings {
  readonly endpoint: HttpEndpoint;
  readonly login: Login;
  /** The secured cluster whose scanner reads the image, by name or id; Central itself where there is none. */
  readonly cluster?: string | undefined;
  /** Whether build policies are asked, too. */
  readonly policies: boolean;
  /** Where a person finds an image, with `{digest}`: the paths of Central's pages differ between versions. */
  readonly link?: string | undefined;
}

/** Red Hat Advanced Cluster Security; what its refusals mean is read in central/image/service and grpc-gateway's table of statuses. */
export const rhacsService: Service = {
  name: "RHACS Central",
  api: "the API of RHACS Central",
  addressSetting: "BUILD_WATCHER_RHACS_URL",
  loginSetting: "BUILD_WATCHER_RHACS_TOKEN_FILE (the role needs write access to Image, as Continuous Integration has)",
  reasonOf(status) {
    if (status === 403) return "AnalyzerLogin";
    // Only a cluster can be unknown: every job names the same one.
    if (status === 404) return "AnalyzerUnavailable";
    return status === 504 ? "AnalyzerFailed" : undefined;
  },
};

/** The settings of options.ts. */
export interface RhacsOptions {
  readonly rhacsUrl: string | undefined;
  readonly rhacsTokenFile: string | undefined;
  readonly rhacsCluster: string | undefined;
  readonly rhacsPolicies: boolean;
  readonly rhacsLink: string | undefined;
}

export function openRhacs(options: RhacsOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const {
    rhacsUrl = "",
    rhacsTokenFile = podTokenFile,
    rhacsCluster: cluster,
    rhacsPolicies: policies,
    rhacsLink: link,
  } = options;
  const endpoint = openEndpoint(serviceUrl(rhacsUrl), rhacsService, parts);
  const login = rhacsLogin(endpoint, rhacsTokenFile);
  return atEndpoint(createRhacsAnalyzer({ endpoint, login, cluster, policies, link }), endpoint);
}

/** Central gives a scan ten minutes (ROX_SCAN_TIMEOUT). */
const scanTimeout = 11 * 60_000;

/** StackRox, also known as RHACS: has Central scan an image and waits for what it found (POST /v1/images/scan). */
export function createRhacsAnalyzer({ endpoint, login, cluster, policies, link }: RhacsSettings): Analyzer {
  const send = (request: HttpRequest, signal: AbortSignal) => sendWithLogin(endpoint, login, request, signal);

  return {
    name: "rhacs",
    async submit(request, signal) {
      if (!request.output) return nothingToAnalyze("rhacs");
      const where = placeOf(request);
      const body = { ...where, force: false, includeSnoozed: false };
      const scan = await send({ method: "POST", path: "/v1/images/scan", body, timeout: scanTimeout }, signal);
      const image = scan.json();
      const findings = await readImage(image);
      const violations = policies && findings.coverage !== "unknown" ? await countViolations(where, signal) : undefined;
      const id = textOf(image.id) ?? formatImageReference(request.output.reference);
      return {
        analyzer: "rhacs",
        analyses: [{ of: "output", id, cached: false, state: "succeeded" }],
        notes: findings.why ? [`RHACS: ${findings.why}.`] : [],
        findings: { ...findings, ...(violations !== undefined && { policyViolations: violations }) },
        ...(link && { link: link.replaceAll("{digest}", request.output.reference.digest ?? id) }),
      };
    },
    async discover(signal) {
      const { userId, serviceId, userInfo } = (await send({ method: "GET", path: "/v1/auth/status" }, signal)).json();
      if (!userId && !serviceId && !userInfo) throw protocolError("does not say who the bot is", rhacsService);
      const { resourceToAccess } = objectOf(objectOf(userInfo).permissions);
      if (!isObject(resourceToAccess) || resourceToAccess.Image === "READ_WRITE_ACCESS") return;
      const said = `RHACS Central gives the bot ${textOf(resourceToAccess.Image) ?? "no access"} to Image, and scans need READ_WRITE_ACCESS`;
      throw new JobError(
        "AnalyzerLogin",
        `${said}: give its role that permission, or take another token for BUILD_WATCHER_RHACS_TOKEN_FILE.`,
      );
    },
  };

  function placeOf({ output, build }: AnalysisRequest) {
    const imageName = output && formatImageReference(output.reference);
    return { imageName, ...(cluster && { cluster, ...(build && { namespace: build.namespace }) }) };
  }

  async function countViolations(where: object, signal: AbortSignal): Promise<number> {
    const body = { ...where, sendNotifications: false, force: false, policyCategories: [] };
    const { alerts = [] } = (await send({ method: "POST", path: "/v1/detect/build", body, timeout: scanTimeout }, signal)).json();
    if (!Array.isArray(alerts)) throw protocolError("has alerts that are no list", rhacsService);
    return alerts.length;
  }
}

/** What a scanned image holds (proto JSON: what is zero may be left out). No component at all means that nothing could be read. */
async function readImage({ scan, notes }: JsonObject): Promise<Findings> {
  const missing = textsOf(notes).find((note) => note.startsWith("MISSING_"));
  if (missing || !isObject(scan)) return { coverage: "unknown", why: `the image was not scanned (${missing ?? "no scan"})` };
  const components = objectsOf(scan.components);
  if (components.length === 0) return { coverage: "unknown", why: "the scan found no component, so it could not read the image" };
  const partial = textsOf(scan.notes).filter((note) => note !== "UNSET");
  return {
    coverage: partial.length > 0 ? "partial" : "complete",
    ...(partial.length > 0 && { why: `the scan is partial (${partial.slice(0, 5).join(", ").slice(0, 200)})` }),
    ...(await countFound(foundIn(components))),
    packages: components.length,
  };
}

function* foundIn(components: readonly JsonObject[]) {
  for (const { vulns } of components)
    for (const { cve, severity, fixedBy } of objectsOf(vulns))
      if (typeof cve === "string") yield found(cve, wordOf(severity), textOf(fixedBy) !== undefined);
}

/** `IMPORTANT_VULNERABILITY_SEVERITY` is `IMPORTANT`. */
function wordOf(severity: unknown): string {
  return textOf(severity)?.replace(/_VULNERABILITY_SEVERITY$/, "") ?? "";
}
