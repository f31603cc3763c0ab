import { createHash } from "node:crypto";
import type { Digest } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { RegistryAnswer, SendToRegistry } from "./http/registry-http.ts";
import { getManifest, type Manifest } from "./reading/distribution.ts";
import { indexType, manifestType, type Referrer, referrersOf, referrersTag, tagList } from "./referrers.ts";

/** What is attached to an image: one file of a type. */
export interface Attachment {
  /** Both of the artifact and of its one layer. */
  readonly mediaType: string;
  readonly title: string;
  readonly bytes: Buffer;
}

/** `present`: there was already one of the same type, and nothing was changed. */
export type Attached = "attached" | "present";

const emptyConfig = Buffer.from("{}");
/** How often a list is written until a reader finds the entry in it: others may write the list at the same time. */
const mostWrites = 3;

/**
 * Attaches a file to an image as a referrer (OCI image and distribution 1.1), unless it has one of that type. A registry without the referrers API
 * gets the list under the fallback tag. Throws `JobError`.
 */
export async function attach(
  send: SendToRegistry,
  image: Digest,
  attachment: Attachment,
  signal: AbortSignal,
): Promise<Attached> {
  const subject = await getManifest(send, image, signal);
  const known = await referrersOf(send, image, attachment.mediaType, signal);
  if (known.some(({ artifactType }) => artifactType === attachment.mediaType)) return "present";
  await uploadBlob(send, emptyConfig, signal);
  await uploadBlob(send, attachment.bytes, signal);
  const manifest = manifestOf(subject, attachment);
  const answer = await put(send, `manifests/${digestOf(manifest)}`, manifestType, manifest, signal);
  // A registry that handles the subject says so. Otherwise the client keeps the list.
  if (answer.header("oci-subject") === undefined) await addToList(send, image, referrerTo(manifest, attachment), signal);
  return "attached";
}

/** Reads the list, adds an entry, and looks whether it stayed: no registry can be relied on to refuse a list that was overtaken. */
async function addToList(send: SendToRegistry, image: Digest, entry: Referrer, signal: AbortSignal): Promise<void> {
  for (let writes = 0; ; writes += 1) {
    const manifests = (await tagList(send, image, signal)) ?? [];
    if (manifests.some(({ digest }) => digest === entry.digest)) return;
    if (writes === mostWrites)
      throw new JobError("CopyFailed", `The registry does not keep the list ${referrersTag(image)} as it was written`);
    const list = { schemaVersion: 2, mediaType: indexType, manifests: [...manifests, entry] };
    await put(send, `manifests/${referrersTag(image)}`, indexType, Buffer.from(JSON.stringify(list)), signal);
  }
}

async function uploadBlob(send: SendToRegistry, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const digest = digestOf(bytes);
  if ((await send({ method: "HEAD", path: `blobs/${digest}` }, signal)).status === 200) return;
  const begun = await send({ method: "POST", path: "blobs/uploads/", headers: { "Content-Length": "0" } }, signal);
  const path = uploadPath(begun);
  if (!path)
    throw new JobError("CopyFailed", "The push registry wants uploads at another address, and the bot does not upload there");
  const whole = `${path}${path.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
  const headers = { "Content-Type": "application/octet-stream" };
  const { status } = await send({ method: "PUT", path: whole, headers, body: bytes }, signal);
  if (status === 404) throw new JobError("CopyFailed", "The push registry lost an upload: it answered 404");
}

/** Below the repository. An upload elsewhere is not followed, because the login is for this repository. */
function uploadPath({ header, url }: RegistryAnswer): string | undefined {
  const location = URL.parse(header("location") ?? "", url.href);
  const end = url.pathname.lastIndexOf("/blobs/uploads/");
  const base = url.pathname.slice(0, end + 1);
  if (!location || end < 0 || location.host !== url.host || !location.pathname.startsWith(base)) return undefined;
  return location.pathname.slice(base.length) + location.search;
}

async function put(send: SendToRegistry, path: string, type: string, body: Buffer, signal: AbortSignal): Promise<RegistryAnswer> {
  const answer = await send({ method: "PUT", path, headers: { "Content-Type": type }, body }, signal);
  if (answer.status === 404) throw new JobError("CopyFailed", `The push registry does not take ${path}: it answered 404`);
  return answer;
}

/** The same bytes for the same image and file, so that a second attempt changes nothing. */
function manifestOf({ mediaType, digest, bytes }: Manifest, attachment: Attachment): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: attachment.mediaType,
      config: {
        mediaType: "application/vnd.oci.empty.v1+json",
        digest: digestOf(emptyConfig),
        size: emptyConfig.length,
        data: emptyConfig.toString("base64"),
      },
      layers: [
        {
          mediaType: attachment.mediaType,
          digest: digestOf(attachment.bytes),
          size: attachment.bytes.length,
          annotations: { "org.opencontainers.image.title": attachment.title },
        },
      ],
      subject: { mediaType, digest, size: bytes.length },
      annotations,
    }),
  );
}

const annotations = { "org.opencontainers.image.vendor": "build-watcher" };

function referrerTo(manifest: Buffer, { mediaType: artifactType }: Attachment): Referrer {
  return { mediaType: manifestType, digest: digestOf(manifest), size: manifest.length, artifactType, annotations };
}

function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
