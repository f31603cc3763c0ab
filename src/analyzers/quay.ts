import { isDigest } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import type { AnalysisImage, AnalysisStatus, Analyzer } from "./analyzer.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import { protocolError } from "./http/answers.ts";
import { type HttpAnswer, type HttpEndpoint, serviceUrl } from "./http/http.ts";
import { type JsonObject, objectOf, objectsOf, textOf } from "./http/json.ts";
import { fileLogin, type Login, sendWithLogin } from "./http/login.ts";
import { parseJson } from "./http/parse-json.ts";
import { type AnalyzerParts, atEndpoint, type OpenedAnalyzer, openEndpoint } from "./kind.ts";
import { countFound, found } from "./results/count-found.ts";
import type { Service } from "./service.ts";

export interface QuaySettings {
  readonly endpoint: HttpEndpoint;
  /** Absent: only public repositories can be asked about. */
  readonly login?: Login | undefined;
}

const tokenSetting = "BUILD_WATCHER_QUAY_TOKEN_FILE";

/** Quay's API; its errors are those of quay/quay: endpoints/exception.py. */
export const quayService: Service = {
  name: "Quay",
  api: "Quay's API",
  addressSetting: "BUILD_WATCHER_QUAY_URL",
  loginSetting: `${tokenSetting} (an OAuth token with the right to view repositories)`,
  reasonOf: (status) => (status === 403 ? "AnalyzerLogin" : undefined),
};

/** The settings of options.ts. */
export interface QuayOptions {
  readonly quayUrl: string | undefined;
  readonly quayTokenFile: string | undefined;
}

export function openQuay({ quayUrl = "", quayTokenFile: file }: QuayOptions, parts: AnalyzerParts): OpenedAnalyzer {
  const endpoint = openEndpoint(serviceUrl(quayUrl), quayService, parts);
  const login = file === undefined ? undefined : quayLogin(file);
  return atEndpoint(createQuayAnalyzer({ endpoint, login }), endpoint);
}

export function quayLogin(file: string): Login {
  return fileLogin(file, tokenSetting, (token) => ({ authorization: `Bearer ${token}` }));
}

/** Milliseconds between two questions about a scan: Quay scans what was pushed within half a minute, when it has nothing else to do. */
const askAgain = 30_000;

/**
 * Reads what Quay's own scanner, Clair, found in an image that lies in Quay: to push it there was its submission
 * (GET /api/v1/repository/…/manifest/…/security; quay/quay: endpoints/api/secscan.py). Of an image for several platforms one is asked about.
 */
export function createQuayAnalyzer({ endpoint, login }: QuaySettings): Analyzer {
  return {
    name: "quay",
    async submit({ output }, signal) {
      if (!output) return nothingToAnalyze("quay");
      const image = inQuay(output, endpoint.name);
      const first = await ask(image, signal);
      const one = first.status === "unsupported" ? await onePlatform(image, signal) : undefined;
      const id = one?.image ?? image;
      const { state, findings, reason } = await stateOf(one ? await ask(one.image, signal) : first);
      const ended = state === "succeeded" || state === "failed" ? { state } : {};
      const notes = one ? [`Quay scans each platform of an image by itself: this is ${one.platform}.`] : [];
      return {
        analyzer: "quay",
        analyses: [{ of: "output", id, cached: false, ...ended }],
        notes: [...notes, ...(reason ? [`Quay: ${reason}.`] : [])],
        link: `${endpoint.name}/repository/${id.replace("@", "/manifest/")}?tab=vulnerabilities`,
        ...(findings && { findings }),
      };
    },
    async status(image, signal) {
      const answer = await get(`${pathOf(image)}/security`, signal, [404]);
      return answer.status === 404 ? { state: "unknown" } : stateOf(answer.json());
    },
    async discover(signal) {
      const paths = Object.keys(objectOf((await get("/api/v1/discovery", signal)).json().paths));
      if (paths.length === 0) throw protocolError("names no paths", quayService);
      if (paths.some((path) => path.endsWith("/security"))) return;
      throw new JobError(
        "AnalyzerUnavailable",
        `Quay at ${endpoint.name} has no scanner: switch FEATURE_SECURITY_SCANNER on there.`,
      );
    },
  };

  function get(path: string, signal: AbortSignal, expect: readonly number[] = []): Promise<HttpAnswer> {
    const query = path.endsWith("/security") ? { vulnerabilities: "true" } : {};
    const request = { method: "GET", path, query, expect } as const;
    return login ? sendWithLogin(endpoint, login, request, signal) : endpoint.send(request, signal);
  }

  async function ask(image: string, signal: AbortSignal): Promise<JsonObject> {
    const answer = await get(`${pathOf(image)}/security`, signal, [404]);
    if (answer.status !== 404) return answer.json();
    const advice = `Give the token of ${tokenSetting} the right to view the repository, and switch FEATURE_SECURITY_SCANNER on in Quay`;
    throw new JobError("AnalyzerRejected", `Quay at ${endpoint.name} knows no scan of ${image}. ${advice}, then retry.`);
  }

  /** One of the images that an index names; undefined for what is no index. */
  async function onePlatform(image: string, signal: AbortSignal): Promise<OnePlatform | undefined> {
    const { is_manifest_list: isIndex, manifest_data: text } = (await get(pathOf(image), signal)).json();
    const named = isIndex === true ? await platformsOf(textOf(text)) : [];
    const chosen = named.find(({ platform }) => platform === "linux/amd64") ?? named[0];
    return chosen && { ...chosen, image: `${image.split("@")[0]}@${chosen.digest}` };
  }
}

interface OnePlatform {
  /** `repository@digest`. */
  readonly image: string;
  readonly platform: string;
}

/** `repository@digest` of an image that lies in this Quay. Throws `JobError`. */
function inQuay({ reference }: AnalysisImage, url: string): string {
  const { registry, repository, digest } = reference;
  if (!digest) throw new JobError("AnalyzerRejected", "Quay scans images by digest, and this image has none.");
  const { protocol, host } = new URL(url);
  if (URL.parse(`${protocol}//${registry}`)?.host === host) return `${repository}@${digest}`;
  const advice = "Copy images there (THOTH_PUSH_REGISTRY), or correct BUILD_WATCHER_QUAY_URL";
  throw new JobError("AnalyzerRejected", `The image is at ${registry}, and ${url} scans its own images only. ${advice}.`);
}

function pathOf(image: string): string {
  const [repository = "", digest = ""] = image.split("@");
  return `/api/v1/repository/${repository.split("/").map(encodeURIComponent).join("/")}/manifest/${digest}`;
}

async function platformsOf(text = ""): Promise<readonly { readonly digest: string; readonly platform: string }[]> {
  try {
    return objectsOf(objectOf(await parseJson(text)).manifests).flatMap(({ digest, platform }) => {
      const { os, architecture } = objectOf(platform);
      if (!isDigest(digest) || !textOf(os) || os === "unknown") return [];
      return [{ digest, platform: `${os}/${architecture}` }];
    });
  } catch {
    throw protocolError("names no platforms", quayService);
  }
}

/** Why there are no findings, by Quay's word for how its scan went. */
const unscanned: ReadonlyMap<string, string> = new Map([
  ["unsupported", "its scanner cannot read this kind of image"],
  ["manifest_layer_too_large", "a layer is larger than its scanner takes"],
]);

async function stateOf({ status, data }: JsonObject): Promise<AnalysisStatus> {
  if (status === "queued") return { state: "running", retryAfter: askAgain };
  if (status === "failed") return { state: "failed", reason: "its scanner failed at the image" };
  if (status === "scanned") return { state: "succeeded", findings: await readFeatures(objectOf(objectOf(data).Layer)) };
  const why = unscanned.get(textOf(status) ?? "");
  if (why === undefined) throw protocolError("does not say how the scan went", quayService);
  return { state: "succeeded", findings: { coverage: "unknown", why } };
}

/** Each vulnerability once. No package at all means that nothing could be read. */
async function readFeatures({ Features }: JsonObject): Promise<Findings> {
  const packages = objectsOf(Features);
  if (packages.length === 0) return { coverage: "unknown", why: "the scan found no package, so it could not read the image" };
  return { coverage: "complete", ...(await countFound(foundIn(packages))), packages: packages.length };
}

function* foundIn(packages: readonly JsonObject[]) {
  for (const { Vulnerabilities } of packages)
    for (const { Name, Severity, FixedBy } of objectsOf(Vulnerabilities))
      yield found(Name, Severity, textOf(FixedBy) !== undefined);
}
