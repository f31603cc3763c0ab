import { openCluster } from "../../app/opening/open-cluster.ts";
import { openDoor, readsPackages } from "../../app/opening/reading.ts";
import { clusterSettings, handlerSettings } from "../../app/settings.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import { loginCommand, openClusterProbe } from "../../cluster/probe.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import type { BuildKey, NamedBuild } from "../../core/builds/build.ts";
import type { BuildOutcome } from "../../core/builds/build-outcome.ts";
import { systemClock } from "../../core/clock.ts";
import type { ImageName } from "../../core/images/image-name.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import { isInsideName, needsRoute } from "../../core/jobs/remedies.ts";
import { createImageLocator } from "../../pipeline/builds/locate-images.ts";
import { buildSources } from "../../sources/index.ts";
import { type Finding, failed, passed, skipped, warned } from "./finding.ts";
import { type SetCommand, setNamed } from "./set-command.ts";

interface BuiltImage {
  readonly build: BuildKey;
  readonly image: ImageName;
  readonly completedAt: string | undefined;
}

/** That there is no cluster to ask is a finding of its own. */
const noCluster = "no cluster";

/** Milliseconds that finding an image and reading its manifest may take. */
const patience = 30_000;

/** Whether the bot can read images itself: it asks for the manifest of the image that was built last. */
export async function checkReading(
  config: Config,
  { set, environment, host }: { readonly set: SetCommand; readonly environment: Environment; readonly host: HostProcess },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (!readsPackages(config)) return [];
  const newest = await newestImage(config, environment, signal).catch((): typeof noCluster => noCluster);
  if (newest === noCluster) return [];
  if (!newest) return [skipped("reading images", "Not tried: there is no image of a build yet, or none that may be listed.")];
  const late = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  let image: ImageReference | undefined;
  await using opened = new AsyncDisposableStack();
  try {
    const cluster = await openCluster({ ...clusterSettings(config), environment, clock: systemClock });
    opened.defer(() => cluster.close());
    const locator = createImageLocator({ cluster, ...handlerSettings(config, cluster) });
    const job = { build: newest.build, cause: "build", completedAt: newest.completedAt } as const;
    const output = await locator.nameOutput(newest.image, job, late);
    image = await cluster.externalImage(output, late);
    // What cannot be used of logins and certificates is a finding of its own, or shows here.
    const door = await openDoor(config, cluster, { environment, clock: systemClock, host, log: { warn: () => {} } }, opened);
    await (await door.open(image, late)).manifest(image.digest ?? image.tag ?? "latest", late);
    return [passed("reading images", `${formatImageReference(image)} of ${nameOf(newest.build)} can be read.`)];
  } catch (error) {
    const words = wordsFor(error, newest, image);
    // Images are pruned; that says nothing of the next one.
    if (asJobError(error).reason === "ImageNotFound") return [warned("reading images", words)];
    if (image && isInsideName(image.registry) && environment.KUBERNETES_SERVICE_HOST === undefined)
      return [failed("reading images", `${words}. ${needsRoute}`, set("BUILD_WATCHER_REGISTRY_ROUTE"))];
    return [failed("reading images", words, mendReading(error, set))];
  }
}

/** The image of the build that completed last, of whatever build system answers. */
async function newestImage(config: Config, environment: Environment, signal: AbortSignal): Promise<BuiltImage | undefined> {
  const probe = await openClusterProbe({ ...clusterSettings(config), environment });
  let newest: BuiltImage | undefined;
  try {
    for (const { resource, classify } of buildSources({ ignoreResults: config.tektonIgnoreResults })) {
      for (const namespace of probe.namespaces) {
        const outcomes = probe.list(resource, namespace, classify, signal);
        newest = await laterOf(newest, outcomes).catch(() => newest);
      }
    }
  } finally {
    await probe.close();
  }
  return newest;
}

async function laterOf(known: BuiltImage | undefined, outcomes: AsyncIterable<BuildOutcome>): Promise<BuiltImage | undefined> {
  let newest = known;
  for await (const outcome of outcomes) {
    const [image] = outcome.kind === "succeeded" ? outcome.outputs : [];
    if (outcome.kind !== "succeeded" || !image) continue;
    const { build, completedAt } = outcome;
    if (!newest || (completedAt ?? "") > (newest.completedAt ?? "")) newest = { build, image, completedAt };
  }
  return newest;
}

function wordsFor(error: unknown, { build }: BuiltImage, image: ImageReference | undefined): string {
  const what = image ? `${formatImageReference(image)} of ${nameOf(build)}` : `The image of ${nameOf(build)}`;
  return `${what} cannot be read: ${asJobError(error).message}`;
}

function mendReading(error: unknown, set: SetCommand): string | undefined {
  const { reason, message } = asJobError(error);
  if (reason === "ClusterUnavailable") return loginCommand(undefined, error);
  const named = setNamed(message, set);
  if (named !== undefined) return named;
  if (reason === "RegistryDenied") return set("THOTH_SRC_REGISTRY_USER", "THOTH_SRC_REGISTRY_PASSWORD");
  return message.includes("certificate is not trusted") ? set("BUILD_WATCHER_REGISTRY_CERTS") : undefined;
}

function nameOf({ namespace, name }: NamedBuild): string {
  return `${namespace}/${name}`;
}
