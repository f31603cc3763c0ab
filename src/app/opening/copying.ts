import { clearLeftovers } from "../../children/run-directory.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import type { Config } from "../../config/options.ts";
import { systemClock } from "../../core/clock.ts";
import { separationOf } from "../../core/images/push-target.ts";
import type { TagMemory } from "../../core/images/tag-memory.ts";
import { reportCopy } from "../../pipeline/report-copies.ts";
import type { HostLimits } from "../../registry/copying/host-limits.ts";
import { createPlannedCopier } from "../../registry/copying/planned-copier.ts";
import type { CopyReport, ImageCopier } from "../../registry/image-copier.ts";
import { clusterSettings, copierSettings } from "../settings.ts";
import type { Surroundings } from "../surroundings.ts";
import { openCluster } from "./open-cluster.ts";

interface CopyingSurroundings extends Surroundings {
  readonly stateDirectory: string;
  /** Which image each moving tag is for; a copier without a queue remembers it only while it is open. */
  readonly memory?: TagMemory | undefined;
  /** The limits that registries asked for; a copier without a bot has its own. */
  readonly limits?: HostLimits;
}

/**
 * The copier, if there is a push registry. What needs closing is added to `opened`. Throws a `SetupError` without skopeo. Always clears
 * what a killed bot left behind.
 */
export async function openCopier(
  config: Config,
  cluster: Cluster,
  { log, clock = systemClock, host, onCopy, stateDirectory, environment, memory, limits }: CopyingSurroundings,
  opened: AsyncDisposableStack,
): Promise<ImageCopier | undefined> {
  const settings = copierSettings(config, cluster, environment);
  if (!settings) {
    await clearLeftovers(stateDirectory, host, clock);
    return undefined;
  }
  warnOfMeetingNames(config, log);
  if (config.dryRun) return createPlannedCopier(settings);
  // Loaded when needed: many bots copy nothing.
  const { openImageCopier } = await import("../../registry/skopeo/skopeo-copier.ts");
  const report = (event: CopyReport) => {
    onCopy?.(event);
    reportCopy(log, event);
  };
  const copier = opened.adopt(
    await openImageCopier({ ...settings, stateDirectory, clock, host, report, memory, limits }),
    (part) => part.close(),
  );
  for (const doubt of copier.doubts) log.warn({ doubt }, "A login or certificate cannot be used");
  log.info({ skopeo: copier.skopeoVersion, pushRegistry: settings.pushRegistry }, "Images are copied to the push registry");
  return copier;
}

/** Warns if a build can choose a name and tag that another image's copy has. */
function warnOfMeetingNames({ pushLayout: layout, pushTemplate: template }: Config, log: Surroundings["log"]): void {
  const separation = separationOf({ layout, template });
  if (separation === "all") return;
  log.warn(
    {
      layout: template === undefined ? layout : undefined,
      template,
      safeFor: separation === "none" ? "no two images" : "images of one registry",
    },
    "With these names, copies of different images can overwrite each other's tags; docs/deploy.md says which names prevent that",
  );
}

/** A copier without queue and analyzer; a bot can be running at the same time. Undefined without a push registry. */
export async function openCopying(
  config: Config,
  surroundings: Surroundings,
): Promise<AsyncDisposable & { readonly copier?: ImageCopier | undefined }> {
  await using opened = new AsyncDisposableStack();
  const { environment, clock = systemClock } = surroundings;
  const cluster = opened.adopt(await openCluster({ ...clusterSettings(config), environment, clock }), (part) => part.close());
  const copier = await openCopier(config, cluster, { ...surroundings, stateDirectory: config.stateDirectory }, opened);
  const parts = opened.move();
  return { copier, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
