import type { IncomingHttpHeaders } from "node:http";
import type { ImageReference } from "../../core/images/image-reference.ts";
import type { ToldOfImage } from "../../core/jobs/job.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

/** An image as a web hook names it. */
export interface PushedImage extends ImageReference, ToldOfImage {}

/** What happened to an image that a web hook named: `busy` means that its job is running, and it is taken in again afterwards. */
export type TakenImage = "new" | "known" | "busy";

export interface WebhookSettings {
  /** The secret that callers of the registry hook must send; undefined: the hook is off. */
  readonly secret: string | undefined;
  /** Whether a request is signed with the secret, by Standard Webhooks. */
  readonly isSigned: (body: Buffer, headers: IncomingHttpHeaders) => boolean;
  /** Whether an image is wanted at all. */
  readonly isWanted: (image: ImageReference) => boolean;
  /** Takes an image in. Resolves when it is on disk. */
  readonly take: (image: PushedImage) => Promise<TakenImage>;
  /** Called with what cannot be used in an accepted call. */
  readonly note: (text: string) => void;
  readonly metrics: Pick<Metrics, "count">;
}
