import { openCopying } from "../../app/opening/copying.ts";
import type { Config } from "../../config/options.ts";
import { systemClock } from "../../core/clock.ts";
import { digestTag } from "../../core/images/copy-name.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import { remedyOnce } from "../../core/jobs/remedies.ts";
import { liesAt } from "../../pipeline/builds/registry-logins.ts";
import type { ImageCopier } from "../../registry/image-copier.ts";
import { type CommandContext, readReferences, UsageError } from "../command.ts";

/** Copies images to the push registry and nothing more: 0 when all are there. A dry run prints what would go where. */
export async function copy(context: CommandContext, images: readonly string[]): Promise<number> {
  const sources = readReferences(images);
  await using opened = await openCopying(context.config, context);
  const { copier } = opened;
  if (!copier) throw new UsageError("copy needs --push-registry (THOTH_PUSH_REGISTRY): the registry to copy images to.");
  const copied = await Promise.all(sources.map((source) => copyOne(context, copier, source)));
  return copied.every(Boolean) ? 0 : 1;
}

async function copyOne(
  { config, screen, signal, log, clock = systemClock }: CommandContext,
  copier: ImageCopier,
  source: ImageReference,
): Promise<boolean> {
  const image = formatImageReference(source);
  try {
    const target = await copier.copy(source, signal, {
      inSourceRegistry: isInSourceRegistry(source, config),
      completedAt: clock.now(),
      note: (text) => log.warn({ image }, text),
    });
    const place = copier.onlyPlans ? formatPlanned(target) : formatImageReference(target);
    screen.write(target === source ? `${image} stays where it is\n` : `${image} -> ${place}\n`);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    const { reason, message, host } = asJobError(error);
    log.error({ image, reason, error: message, remedy: remedyOnce({ reason, host }, config.pushRegistry) }, "Image not copied");
    return false;
  }
}

/** A copy by its own tag; by its digest where its only tag is made of that. */
function formatPlanned({ tag, digest, ...place }: ImageReference): string {
  const isNamed = tag !== undefined && (digest === undefined || tag !== digestTag(digest));
  return formatImageReference(isNamed ? { ...place, tag } : { ...place, ...(digest && { digest }) });
}

/** Images and login are named by the same person here, so the login is for all of them unless its registry is named, too. */
function isInSourceRegistry(image: ImageReference, { sourceRegistry }: Config): boolean {
  return sourceRegistry.length === 0 || liesAt(image, sourceRegistry);
}
