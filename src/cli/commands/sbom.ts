import { openCluster } from "../../app/opening/open-cluster.ts";
import { openReading, type RegistryOwner } from "../../app/opening/reading.ts";
import { clusterSettings } from "../../app/settings.ts";
import { systemClock } from "../../core/clock.ts";
import { formatImageReference } from "../../core/images/image-reference.ts";
import { JobError, SetupError } from "../../core/jobs/errors.ts";
import { type CommandContext, readReferences } from "../command.ts";

/** Reads an image, and prints its CycloneDX document: 0 when something is known of it, 1 when nothing is. */
export async function sbom(context: CommandContext, name: string): Promise<number> {
  const { config, environment, host, signal, log, screen, clock = systemClock } = context;
  const [image] = readReferences([name]);
  if (!image) return 1;
  await using opened = new AsyncDisposableStack();
  const owner = await registryOwner(context, opened);
  const reading = await openReading(config, owner, { directory: config.stateDirectory, environment, clock, host, log }, opened);
  const { digest, contents } = await reading.inventory.read(await reading.open(image, signal), signal);
  const document = await reading.inventory.known.document(digest, { image, specVersion: config.sbomVersion });
  for (const { reasons, platform } of contents)
    if (reasons.length > 0)
      log.warn({ image: formatImageReference(image), platform, reasons }, "Part of the image could not be read");
  if (contents.length > 1)
    log.warn(
      { platforms: contents.map(({ platform }) => platform) },
      "The image has several platforms; the document describes the first",
    );
  if (!document || contents.every(({ completeness }) => completeness === "unknown")) return 1;
  screen.writeRaw(`${Buffer.from(document).toString("utf8")}\n`);
  return 0;
}

/** Without a cluster there are images, too; none of them is in its registry. */
async function registryOwner(
  { config, environment, clock = systemClock }: CommandContext,
  opened: AsyncDisposableStack,
): Promise<RegistryOwner> {
  try {
    return opened.adopt(await openCluster({ ...clusterSettings(config), environment, clock }), (part) => part.close());
  } catch (error) {
    const isMissing = error instanceof SetupError || (error instanceof JobError && error.reason === "ClusterUnavailable");
    if (!isMissing) throw error;
    return { ownsImage: () => false, registryLogin: async () => undefined };
  }
}
