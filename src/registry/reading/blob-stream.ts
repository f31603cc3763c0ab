import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { HeadAnswer } from "../http/exchange.ts";
import type { StreamFromRegistry } from "../http/registry-http.ts";

export interface BlobRequest {
  readonly stream: StreamFromRegistry;
  readonly clock: Clock;
  readonly digest: Digest;
  /** Its size by the manifest, else a limit. */
  readonly size: number;
  /** Whether fewer bytes than `size` mean that the connection broke. */
  readonly isExact: boolean;
}

/** Milliseconds without a byte after which a connection counts as dead. */
const longestSilence = 60_000;
/** Bytes per second below which a registry counts as too slow, after this long. */
const slowest = 1_024;
/** How many connections may break in a row without a byte between them. */
const mostBreaks = 3;

/**
 * The bytes of a blob, checked against its digest. A broken connection is continued where it broke. A `JobError` for wrong bytes, a blob that is
 * too long, and a registry that is silent or far too slow.
 */
export async function* readBlob(request: BlobRequest, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { digest, size, isExact } = request;
  const hash = createHash("sha256");
  let length = 0;
  for (let breaks = 0; breaks <= mostBreaks; ) {
    const before = length;
    const answer = await open(request, length, signal);
    try {
      for await (const chunk of paced(answer.body, request, signal)) {
        length += chunk.length;
        if (length > size) throw new JobError("CopyFailed", `The blob ${digest} is longer than ${size} bytes`);
        hash.update(chunk);
        yield chunk;
      }
      if (!isExact || length === size) return check(hash.digest("hex"), digest);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof JobError) throw error;
    } finally {
      answer.body.destroy();
    }
    breaks = length > before ? 1 : breaks + 1;
  }
  throw new JobError("RegistryUnavailable", `The connection kept breaking while the blob ${digest} was read`);
}

/** Asks for a blob from an offset on. A registry without ranges sends the whole blob again. */
async function open({ stream, digest }: BlobRequest, offset: number, signal: AbortSignal): Promise<HeadAnswer> {
  const headers: Record<string, string> = offset > 0 ? { Range: `bytes=${offset}-` } : {};
  const answer = await stream({ method: "GET", path: `blobs/${digest}`, headers }, signal);
  answer.body.on("error", () => {});
  if (answer.status === 404) {
    answer.body.destroy();
    throw new JobError("ImageNotFound", `The registry does not have the blob ${digest}`);
  }
  const goesOn = answer.status === 206 && answer.header("content-range")?.startsWith(`bytes ${offset}-`);
  return offset === 0 || goesOn ? answer : { ...answer, body: skip(answer.body, offset) };
}

function skip(body: Readable, count: number): Readable {
  let left = count;
  return body.flatMap((chunk: Buffer) => {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    return rest.length > 0 ? [rest] : [];
  });
}

/** The chunks of a body. Only the time spent waiting for the registry counts. */
async function* paced(body: Readable, { clock, digest }: BlobRequest, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const tooSlow = () => new JobError("RegistryUnavailable", `The registry sends the blob ${digest} too slowly`);
  let waited = 0;
  for (let length = 0; ; ) {
    const { promise: silent, reject } = Promise.withResolvers<never>();
    const cancel = clock.schedule(longestSilence, () => reject(tooSlow()));
    const since = clock.now();
    const { done, value } = await Promise.race([chunks.next(), silent]).finally(cancel);
    if (done) return;
    signal.throwIfAborted();
    waited += clock.now() - since;
    length += value.length;
    if (waited > longestSilence && length / (waited / 1000) < slowest) throw tooSlow();
    yield value;
  }
}

function check(computed: string, digest: Digest): void {
  if (`sha256:${computed}` === digest) return;
  throw new JobError("ImageDamaged", `The registry answered with other contents for the blob ${digest}`);
}
