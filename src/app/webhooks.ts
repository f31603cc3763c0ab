import { plannedAnalyzers } from "../analyzers/index.ts";
import type { Config } from "../config/options.ts";
import type { ImageReference } from "../core/image-reference.ts";
import { imageJobs } from "../core/job.ts";
import { readPushSettings, staysInPlace } from "../core/push-target.ts";
import { createSignatureCheck } from "../notifications/signature.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import { createImageFilter } from "../server/webhooks/image-filter.ts";
import type { TakenImage, WebhookSettings } from "../server/webhooks/webhook-settings.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface WebhookParts {
  readonly queue: Pick<JobQueue, "add">;
  readonly metrics: Metrics;
  /** Whether images may come from a registry, as far as its name tells. */
  readonly mayBeSource: (registry: string) => boolean;
}

/** What the web hooks take in. The bot's own copies are left alone: a registry tells of those as well, and each would be copied again. */
export function createWebhooks(config: Config, { queue, metrics, mayBeSource }: WebhookParts): WebhookSettings {
  const { webhookSecret: secret, webhookRepositories } = config;
  const isAllowed = createImageFilter(webhookRepositories);
  const isOwnCopy = ownCopies(config);
  return {
    secret,
    metrics,
    isSigned: secret === undefined ? () => false : createSignatureCheck(secret),
    isWanted: (image) => isAllowed(image) && !isOwnCopy(image) && mayBeSource(image.registry),
    take: (image) => take(queue, image, config.analyzers),
  };
}

/** An image named by a tag is submitted whenever it is pushed: the tag means another image then. One that failed is tried again. */
async function take(queue: WebhookParts["queue"], image: ImageReference, analyzers: readonly string[]): Promise<TakenImage> {
  const again = image.digest === undefined ? "always" : "failed";
  const jobs = imageJobs(image, "webhook", plannedAnalyzers(analyzers));
  const answers = await Promise.all(jobs.map((job) => queue.add(job, { again })));
  return answers.includes("added") ? "new" : "known";
}

function ownCopies({ pushRegistry: registry, pushLayout: layout, pushTemplate: template }: Config) {
  if (registry === undefined) return () => false;
  const rules = readPushSettings({ registry, layout, template, skip: [] });
  return (image: ImageReference) => staysInPlace(image, rules) === "already-there";
}
