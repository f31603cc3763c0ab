import { plannedAnalyzers } from "../analyzers/index.ts";
import type { Config } from "../config/options.ts";
import { type ImageReference, repositoryOf } from "../core/image-reference.ts";
import { imageJobs, type Job } from "../core/job.ts";
import { readPushSettings, staysInPlace } from "../core/push-target.ts";
import { createSignatureCheck } from "../notifications/signature.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import { createImageFilter } from "../server/webhooks/image-filter.ts";
import type { PushedImage, TakenImage, WebhookSettings } from "../server/webhooks/webhook-settings.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface WebhookParts {
  readonly queue: Pick<JobQueue, "add">;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, "warn">;
  /** Whether images may come from a registry, as far as its name tells. */
  readonly mayBeSource: (registry: string) => boolean;
}

/** What the web hooks take in. The bot's own copies are left alone: a registry tells of those as well, and each would be copied again. */
export function createWebhooks(config: Config, { queue, metrics, log, mayBeSource }: WebhookParts): WebhookSettings {
  const { webhookSecret: secret, webhookRepositories } = config;
  const isAllowed = createImageFilter(webhookRepositories);
  const isOwnCopy = ownCopies(config);
  return {
    secret,
    metrics,
    isSigned: secret === undefined ? () => false : createSignatureCheck(secret),
    isWanted: (image) => isAllowed(image) && !isOwnCopy(image) && mayBeSource(image.registry),
    note: (text) => log.warn({ note: text }, "A web hook names what cannot be used"),
    take: (image) => take(queue, image, config.analyzers),
  };
}

/** Milliseconds in which an image of several platforms is told of after its parts, each of which is told of alone. */
const wholeWithin = 10_000;

/** An image named by a tag is submitted whenever it is pushed: the tag means another image then. One that failed is tried again. */
async function take(queue: WebhookParts["queue"], pushed: PushedImage, analyzers: readonly string[]): Promise<TakenImage> {
  const { untagged, parts, ...image } = pushed;
  const how = {
    again: image.digest === undefined ? ("always" as const) : ("failed" as const),
    ...(untagged && { after: wholeWithin }),
  };
  const told = { ...(untagged && { untagged }), ...(parts && { parts }) };
  const jobs = imageJobs(image, "webhook", plannedAnalyzers(analyzers), told);
  const answers = await Promise.all(jobs.map((job) => queue.add(job, how)));
  return answers.includes("added") ? "new" : "known";
}

/** Jobs that are looked at for one that holds an image: a push tells of few. */
const mostTold = 50;

/** The last jobs of web hooks for images of the same repository. */
export async function webhookJobsOf(queue: Pick<JobQueue, "recent">, image: ImageReference): Promise<readonly Job[]> {
  const repository = repositoryOf(image);
  const records = await queue.recent(mostTold, { cause: "webhook", text: repository });
  return records.flatMap(({ job }) =>
    job.output?.kind === "reference" && repositoryOf(job.output.reference) === repository ? [job] : [],
  );
}

function ownCopies({ pushRegistry: registry, pushLayout: layout, pushTemplate: template }: Config) {
  if (registry === undefined) return () => false;
  const rules = readPushSettings({ registry, layout, template, skip: [] });
  return (image: ImageReference) => staysInPlace(image, rules) === "already-there";
}
