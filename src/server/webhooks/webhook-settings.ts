import type { IncomingHttpHeaders } from "node:http";
import type { ImageReference } from "../../core/image-reference.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

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
  readonly take: (image: ImageReference) => Promise<TakenImage>;
  readonly metrics: Pick<Metrics, "count">;
}
