import { createHash } from "node:crypto";
import { type Digest, isDigest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { AnswerFailure } from "../http/http-failures.ts";
import type { RegistryAnswer, SendToRegistry } from "../http/registry-http.ts";
import { noRegistry, RegistryVerdict } from "../trust/verdict.ts";
import { parseJson } from "./json.ts";
import { describeManifest, kindOfManifest, type ManifestKind } from "./manifest.ts";

/** A manifest as the registry has it. The digest is computed from its bytes, except for Docker's schema 1, where the registry's word counts. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly kind: ManifestKind;
  readonly bytes: Buffer;
}

const accepted = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
].join(", ");

const headers = { Accept: accepted };

/** Answers to HEAD that GET can contradict: some registries do not know HEAD, and some answer 404 although GET finds it. */
const decisive: readonly number[] = [401, 403, 429, 503];

/**
 * The digest of a manifest in a registry, by tag or digest; undefined if there is none. The answer must be a manifest by media type and
 * digest. Throws a `RegistryVerdict` if something other than a registry answers.
 */
export async function headManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  return (await proveManifest(send, reference, signal)) ?? (await findManifest(send, reference, signal));
}

/** The first step, by HEAD: undefined if it proves nothing, which does not mean that there is none. */
export async function proveManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  const answer = await send({ method: "HEAD", path: `manifests/${reference}`, headers }, signal).catch((error: unknown) => {
    if (error instanceof RegistryVerdict || !isUndecided(error)) throw error;
    return undefined;
  });
  return answer && provenBy(answer, reference);
}

/** The second step, by GET. */
export async function findManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  const answer = await send({ method: "GET", path: `manifests/${reference}`, headers }, signal);
  return answer.status === 404 ? undefined : verify(answer, reference).digest;
}

/** A manifest by tag or digest. Throws `JobError("ImageNotFound")` if there is none, `JobError("CopyFailed")` for a wrong answer. */
export async function getManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Manifest> {
  const answer = await send({ method: "GET", path: `manifests/${reference}`, headers }, signal);
  if (answer.status === 404) throw new JobError("ImageNotFound", `The registry does not have the manifest ${reference}`);
  return verify(answer, reference);
}

/** A manifest of which nothing else is known, as another program read it. Throws `JobError("CopyFailed")` when it is none that can be checked. */
export function manifestOf(bytes: Buffer, reference: string): Manifest {
  const described = describe(bytes, undefined, reference, false);
  if (described.kind === "schema1") throw new JobError("CopyFailed", `The manifest ${reference} has the old schema 1`);
  return { ...described, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes };
}

/**
 * Gives a manifest in the repository another tag. Throws a `JobError` when the registry does not take it, or does not show it afterwards: a page in a
 * registry's place can answer 200 to everything.
 */
export async function tagManifest(send: SendToRegistry, tag: string, manifest: Manifest, signal: AbortSignal): Promise<void> {
  // A manifest that was not checked against its digest is written by skopeo.
  if (manifest.kind === "schema1") throw new JobError("CopyFailed", "Manifests of schema 1 are not tagged", { retryable: false });
  const request = {
    method: "PUT" as const,
    path: `manifests/${tag}`,
    headers: { "Content-Type": manifest.mediaType },
    body: manifest.bytes,
  };
  const { status, header } = await send(request, signal);
  if (status === 404) throw new JobError("CopyFailed", `The push registry does not take the tag ${tag}: it answered 404`);
  if (header("docker-content-digest") === manifest.digest) return;
  if ((await headManifest(send, tag, signal)) !== manifest.digest)
    throw new JobError("CopyFailed", `The push registry answered ${status} to the tag ${tag} and does not have it`);
}

function isUndecided(error: unknown): boolean {
  return error instanceof AnswerFailure && !decisive.includes(error.status);
}

/** The digest that an answer to HEAD proves; undefined when it proves nothing. */
function provenBy(answer: RegistryAnswer, reference: string): Digest | undefined {
  if (answer.status !== 200) return undefined;
  const digest = answer.header("docker-content-digest");
  if (kindOfManifest(answer.header("content-type")) === undefined || !isDigest(digest)) return undefined;
  return isDigest(reference) && digest !== reference ? undefined : digest;
}

function verify({ body, header, url }: RegistryAnswer, reference: string): Manifest {
  const type = header("content-type");
  const announced = header("docker-content-digest");
  const computed: Digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  const isAsked = reference === computed;
  if (!isAsked && /^(?:text\/|application\/xhtml)/i.test(type ?? "")) throw noRegistry(url, type ?? "");
  const expected = [reference, announced].find(isDigest) ?? computed;
  const isOther = expected !== computed;
  const otherContents = () =>
    new JobError("CopyFailed", `The registry answered with other contents for the manifest ${reference}`);
  // What was cut off on the way is asked for again. A manifest that is malformed by itself is final.
  if ((isOther || body.length === 0) && !isJson(body)) throw otherContents();
  const isProven = !isOther && [reference, announced].some(isDigest);
  const { kind, mediaType } = describe(body, type, reference, isProven);
  if (isOther && kind !== "schema1") throw otherContents();
  return { digest: expected, mediaType, kind, bytes: body };
}

/** What no digest proves to be the manifest itself can be something else for a while, such as an error with the status 200. */
function describe(body: Buffer, type: string | undefined, reference: string, isProven: boolean) {
  try {
    return describeManifest(body, type, reference);
  } catch (error) {
    if (isProven || !(error instanceof JobError)) throw error;
    throw new JobError(error.reason, error.message);
  }
}

function isJson(body: Buffer): boolean {
  try {
    parseJson(body);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}
