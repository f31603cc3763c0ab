import { createHash } from "node:crypto";
import { JobError } from "../../core/errors.ts";
import { type Digest, isDigest } from "../../core/image-reference.ts";
import { AnswerFailure } from "../http/http-failures.ts";
import type { RegistryAnswer, SendToRegistry } from "../http/registry-http.ts";
import { noRegistry, RegistryVerdict } from "../trust/verdict.ts";
import { describeManifest, kindOfManifest, type ManifestKind } from "./manifest.ts";

/** A manifest as the registry holds it. Its digest is that of these very bytes, but for Docker's schema 1, where it is what the registry says. */
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

/** Answers to HEAD that GET may contradict: who knows no HEAD says so in many ways, and some answer 404 to it where GET has it. */
const decisive: readonly number[] = [401, 403, 429, 503];

/**
 * The digest a registry has a manifest under, asked by tag or digest; undefined when it has none. It has one when the answer is a manifest by its
 * media type and digest. Throws a `RegistryVerdict` when no registry answers.
 */
export async function headManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  return (await proveManifest(send, reference, signal)) ?? (await findManifest(send, reference, signal));
}

/** The first half of that, by HEAD: undefined where it proves nothing, which is not yet that there is none. */
export async function proveManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  const answer = await send({ method: "HEAD", path: `manifests/${reference}`, headers }, signal).catch((error: unknown) => {
    if (error instanceof RegistryVerdict || !isUndecided(error)) throw error;
    return undefined;
  });
  return answer && provenBy(answer, reference);
}

/** The second half, by GET. */
export async function findManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  const answer = await send({ method: "GET", path: `manifests/${reference}`, headers }, signal);
  return answer.status === 404 ? undefined : verify(answer, reference).digest;
}

/** A manifest by tag or digest. Throws `JobError("ImageNotFound")` when there is none, `JobError("CopyFailed")` when the answer is another. */
export async function getManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Manifest> {
  const answer = await send({ method: "GET", path: `manifests/${reference}`, headers }, signal);
  if (answer.status === 404) throw new JobError("ImageNotFound", `The registry has no manifest ${reference} there`);
  return verify(answer, reference);
}

/** Gives a manifest that lies in the repository a further tag. */
export async function tagManifest(send: SendToRegistry, tag: string, manifest: Manifest, signal: AbortSignal): Promise<void> {
  // What was not checked against its digest is not written by us; skopeo does that.
  if (manifest.kind === "schema1") throw new JobError("CopyFailed", "Manifests of schema 1 are not tagged", { retryable: false });
  const request = {
    method: "PUT" as const,
    path: `manifests/${tag}`,
    headers: { "Content-Type": manifest.mediaType },
    body: manifest.bytes,
  };
  const { status } = await send(request, signal);
  if (status === 404) throw new JobError("CopyFailed", `The push registry does not take the tag ${tag}: it answered 404`);
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
  const { kind, mediaType } = describeManifest(body, type, reference);
  if (expected !== computed && kind !== "schema1") {
    throw new JobError("CopyFailed", `The registry answered the manifest ${reference} with other contents`);
  }
  return { digest: expected, mediaType, kind, bytes: body };
}
