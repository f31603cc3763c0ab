import { plannedAnalyzers } from "../analyzers/index.ts";
import type { Config } from "../config/options.ts";
import { type ImageReference, repositoryOf } from "../core/images/image-reference.ts";
import { readPushSettings, staysInPlace } from "../core/images/push-target.ts";
import { imageJobs, type Job } from "../core/jobs/job.ts";
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
  /** Whether images may come from this registry, judged by its name. */
  readonly mayBeSource: (registry: string) => boolean;
}

/** Takes in what web hooks name, but not the bot's own copies: registries report those as well, and each would be copied again. */
export function createWebhooks(config: Config, { queue, metrics, log, mayBeSource }: WebhookParts): WebhookSettings {
  const { webhookSecret: secret, webhookRepositories } = config;
  const isAllowed = createImageFilter(webhookRepositories);
  const isOwnCopy = ownCopies(config);
  return {
    secret,
    metrics,
    isSigned: secret === undefined ? () => false : createSignatureCheck(secret),
    isWanted: (image) => isAllowed(image) && !isOwnCopy(image) && mayBeSource(image.registry),
    note: (text) => log.warn({ note: text }, "A web hook named something that cannot be used"),
    take: (image) => take(queue, image, config.analyzers),
  };
}

/** Milliseconds within which an image for several platforms is reported after its parts, each of which is reported alone. */
const wholeWithin = 10_000;

/** An image named by tag is submitted after every push, because the tag then means another image. A failed one is retried. */
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

/** How many jobs are searched for the image: a push reports few. */
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
