import { type ImageReference, imageReferenceOf, isDigest, repositoryOf, withDigest } from "../../core/images/image-reference.ts";
import { matchesWildcard } from "../../core/outside-text.ts";
import { entries } from "./fields.ts";

/** A result of a Tekton run: a text, a list or an object. */
export interface RunResult {
  readonly name?: string;
  readonly value?: unknown;
}

/** One of `status.artifacts.outputs`. */
export interface RunArtifact {
  readonly buildOutput?: boolean;
  readonly values?: readonly { readonly uri?: string; readonly digest?: Readonly<Record<string, string>> }[] | null;
}

/** What may name an image; reading it is left for later. */
type Candidate = () => ImageReference | undefined;

/** The most names of a run that are read: more than a matrix can have. */
const mostCandidates = 5_000;
/** The most images of a run. A matrix has up to 256 (tektoncd/pipeline, default-max-matrix-combinations-count). */
export const mostImages = 256;

/** Images, and how many more were named. */
export interface HintedImages {
  readonly images: readonly ImageReference[];
  readonly leftOut: number;
}

/**
 * The images that a run says it made, each repository and digest once, in the order of the results. They are read as in Tekton Chains (its
 * docs/slsa-provenance.md#type-hinting, pkg/artifacts/signable.go), and so are lists of a matrix. `ignored` are patterns of names.
 */
export function hintedImages(
  results: readonly RunResult[] | null | undefined,
  artifacts: readonly RunArtifact[] | null | undefined,
  ignored: readonly string[],
): HintedImages {
  const read = withoutIgnored(results, ignored);
  const certain = unique([
    ...pairs(read, "IMAGE_URL", "IMAGE_DIGEST", (url, digest) => pinned(url.trim().replace(/^https?:\/\//, ""), digest)),
    ...read.flatMap(listed),
    ...read.flatMap((result) => structured(result, true)),
    ...pairs(read, "ARTIFACT_URI", "ARTIFACT_DIGEST", artifact),
    ...entries(artifacts).flatMap(native),
  ]);
  const images =
    certain.length > 0 ? certain : unique(read.flatMap((result) => [...structured(result, false), ...whole(result)]));
  return { images: images.slice(0, mostImages), leftOut: Math.max(images.length - mostImages, 0) };
}

/** The results with a name that no pattern fits. */
export function withoutIgnored(
  results: readonly RunResult[] | null | undefined,
  ignored: readonly string[],
): readonly RunResult[] {
  return entries(results).filter(
    ({ name }) => typeof name === "string" && !ignored.some((pattern) => matchesWildcard(pattern, name)),
  );
}

/** The text of a result by its exact name. */
export function resultText(results: readonly RunResult[] | null | undefined, name: string): string | undefined {
  const value = entries(results).find((result) => result.name === name)?.value;
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/** The bills of materials that a run says it pushed with its images: the results `<key>SBOM_BLOB_URL` of Konflux' tasks. */
export function hintedDocuments(results: readonly RunResult[] | null | undefined): readonly ImageReference[] {
  const named = entries(results).filter(({ name }) => typeof name === "string" && name.endsWith("SBOM_BLOB_URL"));
  return unique(named.flatMap(({ value }) => textsOf(value).map((text) => () => asPinned(text.trim()))));
}

/** Where a run says its sources came from: the results `<key>ARTIFACT_INPUTS` that name a git repository, as in Tekton Chains. */
export function hintedGit(results: readonly RunResult[] | null | undefined): { readonly url?: string; readonly commit?: string } {
  for (const { name, value } of entries(results)) {
    if (typeof name !== "string" || !name.endsWith("ARTIFACT_INPUTS") || typeof value !== "object" || value === null) continue;
    const { uri, digest } = value as Readonly<Record<string, unknown>>;
    if (typeof uri === "string" && uri.startsWith("git+") && typeof digest === "string" && /^sha1:[0-9a-f]{40}$/.test(digest))
      return { url: uri.slice("git+".length), commit: digest.slice("sha1:".length) };
  }
  return {};
}

/**
 * `<key>IMAGE_URL` and `<key>IMAGE_DIGEST` belong together; lists of equal length are paired item by item, and a name alone goes with each digest:
 * a matrix pushes one repository for several platforms.
 */
function pairs(
  results: readonly RunResult[],
  first: string,
  second: string,
  join: (url: string, digest: string) => ImageReference | undefined,
): readonly Candidate[] {
  const byName = new Map(results.toReversed().map(({ name, value }) => [name, value]));
  return results.flatMap(({ name = "", value }) => {
    if (!name.endsWith(first)) return [];
    const key = name.slice(0, name.length - first.length);
    const [urls, digests] = [itemsOf(value), itemsOf(byName.get(key + second))];
    if (!Array.isArray(value)) return digests.map((digest) => () => join(urls[0] ?? "", digest));
    return urls.length === digests.length ? urls.map((url, index) => () => join(url, digests[index] ?? "")) : [];
  });
}

/** The whole name in one text, as Konflux' and Red Hat's tasks give it beside the pair. */
function whole({ name, value }: RunResult): readonly Candidate[] {
  return name === "IMAGE_REF" || name === "BUILT_IMAGE" ? textsOf(value).map((text) => () => asPinned(text)) : [];
}

/** By commas and lines, or a list that was written as JSON into a text. */
function listed({ name, value }: RunResult): readonly Candidate[] {
  if (name !== "IMAGES") return [];
  const items = textsOf(value).flatMap((text) => text.split(/[\s,"[\]]/, 5 * mostCandidates));
  return items.filter(Boolean).map((item) => () => asPinned(item));
}

/** The flag is a text. */
function structured({ name = "", value }: RunResult, flagged: boolean): readonly Candidate[] {
  if (!name.endsWith("ARTIFACT_OUTPUTS") || typeof value !== "object" || value === null) return [];
  const { uri, digest, isBuildArtifact } = value as Readonly<Record<string, unknown>>;
  if (typeof uri !== "string" || typeof digest !== "string" || (isBuildArtifact === "true") !== flagged) return [];
  return [() => artifact(uri, digest) ?? pinned(uri, digest)];
}

function native({ buildOutput, values }: RunArtifact): readonly Candidate[] {
  if (buildOutput !== true) return [];
  return entries(values).map(
    ({ uri = "", digest }) =>
      () =>
        artifact(uri, `sha256:${digest?.sha256 ?? ""}`),
  );
}

/** Any artifact can have such a name. Only an image says that it is one. */
function artifact(uri: unknown, digest: string): ImageReference | undefined {
  if (typeof uri !== "string") return undefined;
  if (uri.startsWith("pkg:oci/") && URL.canParse(uri))
    return pinned(new URL(uri).searchParams.get("repository_url") ?? "", digest);
  return /^(?:oci|docker):\/\//.test(uri) ? pinned(uri, digest) : undefined;
}

function asPinned(text: string): ImageReference | undefined {
  const at = text.indexOf("@");
  return at < 0 ? undefined : pinned(text.slice(0, at), text.slice(at + 1));
}

/** An image of this name and digest; undefined if they are not valid. */
export function pinned(name: string, digest: string): ImageReference | undefined {
  const wanted = digest.trim();
  if (!isDigest(wanted)) return undefined;
  const image = imageReferenceOf(name.trim().replace(/^oci:\/\//, ""));
  return image && withDigest(image, wanted);
}

function textsOf(value: unknown): readonly string[] {
  return itemsOf(value).filter((text) => text.trim() !== "");
}

/** The items of a list, or a text as the only one. What is no text is empty, and keeps its place. */
function itemsOf(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value.slice(0, mostCandidates) : [value];
  return items.map((item) => (typeof item === "string" ? item : ""));
}

/** Each image as it is named first. */
function unique(candidates: readonly Candidate[]): readonly ImageReference[] {
  const images = new Map<string, ImageReference>();
  for (const candidate of candidates.slice(0, mostCandidates)) {
    const image = candidate();
    const key = image && `${repositoryOf(image)}@${image.digest}`;
    if (image && key && !images.has(key)) images.set(key, image);
  }
  return [...images.values()];
}
