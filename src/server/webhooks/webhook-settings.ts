import type { IncomingHttpHeaders } from "node:http";
import type { ImageReference } from "../../core/image-reference.ts";
import type { ToldOfImage } from "../../core/job.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

/** An image as a web hook names it. */
export interface PushedImage extends ImageReference, ToldOfImage {}

/** What becomes of an image that a web hook named: `busy` means that its job runs just now, and it is taken again afterwards. */
export type TakenImage = "new" | "known" | "busy";

export interface WebhookSettings {
  /** What callers of the registry hook must send; undefined: nobody may call. */
  readonly secret: string | undefined;
  /** Whether a request is signed with the secret, by Standard Webhooks. */
  readonly isSigned: (body: Buffer, headers: IncomingHttpHeaders) => boolean;
  /** Whether an image is wanted at all. */
  readonly isWanted: (image: ImageReference) => boolean;
  /** Takes an image in; resolves once that would survive a crash. */
  readonly take: (image: PushedImage) => Promise<TakenImage>;
  /** Told what cannot be used of a call that is answered as taken. */
  readonly note: (text: string) => void;
  readonly metrics: Pick<Metrics, "count">;
}
