import { wantsDocuments } from "../../analyzers/index.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import type { Config } from "../../config/options.ts";
import type { Clock } from "../../core/clock.ts";
import { isSameRegistry } from "../../core/hosts/registry-names.ts";
import type { ImageReference } from "../../core/images/image-reference.ts";
import { pushHost } from "../../core/images/push-target.ts";
import { openInventory } from "../../inventory/index.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import type { LookAt } from "../../pipeline/builds/inspect-image.ts";
import { registryLogins } from "../../pipeline/builds/registry-logins.ts";
import { type HostLimits, inTurn } from "../../registry/copying/host-limits.ts";
import type { SendToRegistry } from "../../registry/http/registry-http.ts";
import { createImageReader, type ReadableImage } from "../../registry/reading/image-reader.ts";
import { lookAt } from "../../registry/reading/look.ts";
import { createRegistryParts } from "../../registry/registry-parts.ts";
import type { Logger } from "../../telemetry/log.ts";
import { databaseSource, registrySettings } from "../settings.ts";

/** Opens images for reading. */
export interface ImageDoor {
  /** Opens an image in its registry; a copy with the push registry's login. Throws `JobError`. */
  open(image: ImageReference, signal: AbortSignal): Promise<ReadableImage>;
}

/** Access to the push registry. */
export interface WritableDoor extends ImageDoor {
  /** Asks the repository of a copy, with the right to push there. */
  copies(copy: ImageReference, signal: AbortSignal): Promise<SendToRegistry>;
}

/** The packages of images, and how to read images. */
export interface Reading extends WritableDoor {
  readonly inventory: Inventory;
}

/** Whose registry an image is in. */
export type RegistryOwner = Pick<Cluster, "ownsImage" | "registryLogin">;

export interface DoorSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** The process that runs credential helpers. */
  readonly host: HostProcess;
  readonly log: Pick<Logger, "warn">;
  /** The limits that registries asked for, shared with copying. */
  readonly limits?: HostLimits;
}

export interface ReadingSurroundings extends DoorSurroundings {
  /** Where packages are kept. */
  readonly directory: string;
}

/** Whether the bot reads packages itself: to show them, or for a document that another analyzer wants. */
export function readsPackages({ analyzers, commands, dryRun }: Pick<Config, "analyzers" | "commands" | "dryRun">): boolean {
  return !dryRun && (analyzers.includes("packages") || wantsDocuments(analyzers, commands));
}

/** Opens the inventory. What needs closing is added to `opened`. Throws `SetupError`. */
export async function openReading(
  config: Config,
  cluster: RegistryOwner,
  { directory, ...surroundings }: ReadingSurroundings,
  opened: AsyncDisposableStack,
): Promise<Reading> {
  const { environment, clock } = surroundings;
  const database = databaseSource(config, environment);
  const inventory = await openInventory({ directory, database, layerCache: config.layerCache, clock });
  opened.defer(() => inventory.close());
  return { inventory, ...(await openDoor(config, cluster, surroundings, opened)) };
}

/** Asks registries for images by a door. */
export function looksThrough(door: ImageDoor): LookAt {
  return async (image, signal, seeksBase) => lookAt(await door.open(image, signal), signal, seeksBase);
}

/** Opens only the access to registries; see `openReading`. */
export async function openDoor(
  config: Config,
  cluster: RegistryOwner,
  { environment, clock, host, log, limits }: DoorSurroundings,
  opened: AsyncDisposableStack,
): Promise<WritableDoor> {
  const parts = opened.adopt(
    createRegistryParts({ ...registrySettings(config, cluster, environment), clock, host, limits }),
    (part) => part.close(),
  );
  // The copier already reports the same files.
  const doubts = config.pushRegistry === undefined ? await parts.check() : [];
  for (const doubt of doubts) log.warn({ doubt }, "A login or certificate cannot be used");
  const reader = createImageReader(parts);
  const { isInSourceRegistry } = registryLogins(cluster, config);
  const pushed = config.pushRegistry === undefined ? undefined : pushHost(config.pushRegistry);
  return {
    async copies(copy, signal) {
      const login = await parts.credentials.find({ image: copy, side: "destination", ownLogin: true }, signal);
      const certificates = await parts.readCertificates();
      const { registry, repository } = copy;
      const verifyTls = parts.destinationVerifyTls;
      const send = parts.http.open({ registry, repository, actions: "pull,push", login, verifyTls, certificates });
      return (request, its) => inTurn(parts.limits, registry, its, () => send(request, its));
    },
    open: (image, signal) => {
      const side = pushed !== undefined && isSameRegistry(image.registry, pushed) ? "destination" : "source";
      return reader.open(image, { side, ownLogin: side === "destination" || isInSourceRegistry(image) }, signal);
    },
  };
}
