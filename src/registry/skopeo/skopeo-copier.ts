import type { HostProcess } from "../../children/run-directory.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { type PushLayout, type PushRules, planCopy, readPushSettings, staysInPlace } from "../../core/images/push-target.ts";
import { createTagMemory, type TagMemory } from "../../core/images/tag-memory.ts";
import { asJobError, failureAt, SetupError } from "../../core/jobs/errors.ts";
import { type CopyWork, createCopyWork } from "../copying/copy-work.ts";
import type { Logins } from "../copying/journey.ts";
import type { CopyOptions, CopyReport, EndedCopy, ImageCopier } from "../image-copier.ts";
import { retryWithFreshLogins } from "../logins/fresh-logins.ts";
import { createRegistryParts, type RegistryParts, type RegistrySettings } from "../registry-parts.ts";
import { checkSkopeo, openSkopeo } from "./skopeo.ts";
import { failedAt } from "./skopeo-errors.ts";

export interface ImageCopierSettings extends RegistrySettings {
  /** `host[:port][/path]` that copies go to. */
  readonly pushRegistry: string;
  readonly layout: PushLayout;
  readonly template?: string | undefined;
  /** Host patterns of registries whose images stay where they are. */
  readonly skip: readonly string[];
  /** Whether a host is the cluster's own registry: copies of its images are named without it. */
  readonly owns?: ((registry: string) => boolean) | undefined;
  readonly skopeoPath?: string | undefined;
  readonly stateDirectory: string;
  /** Milliseconds one copy may take. */
  readonly commandTimeout: number;
  /** Milliseconds without a byte after which a copy is stopped. Default: a minute. */
  readonly patience?: number | undefined;
  readonly host: HostProcess;
  /** Which image each moving tag is for; default: remembered while the copier is open. */
  readonly memory?: TagMemory | undefined;
  readonly report?: (event: CopyReport) => void;
}

export interface OpenImageCopier extends ImageCopier {
  /** Where an image goes, by the digest and tag in its name; undefined when it stays where it is. */
  target(source: ImageReference): ImageReference | undefined;
  readonly skopeoVersion: string;
  /** What in auth files and among certificates cannot be used, each as a sentence. */
  readonly doubts: readonly string[];
  /** Whether BUILD_WATCHER_PUSH_SKIP excludes this image. */
  skippedByPattern(image: ImageReference): boolean;
  /** Call it when no copy runs any more. */
  close(): Promise<void>;
}

/**
 * A copier that runs skopeo. Leftovers of a killed process are cleared first. Throws an `Error` that says what to change: skopeo missing or too
 * old, a push registry or template that makes no valid names, an auth file or certificates that cannot be read.
 */
export async function openImageCopier(settings: ImageCopierSettings): Promise<OpenImageCopier> {
  const { pushRegistry, layout, template, skip, owns, host, clock, skopeoPath, stateDirectory, commandTimeout, patience } =
    settings;
  const rules = readPushSettings({ registry: pushRegistry, layout, template, skip, owns });
  const registries = createRegistryParts(settings);
  const { http, limits, trust, credentials } = registries;
  const [{ version }, doubts] = await Promise.all([checkSkopeo(skopeoPath, host, clock), registries.check()]);
  assertUsableName(rules.host, version);
  const skopeo = await openSkopeo({
    path: skopeoPath,
    stateDirectory,
    commandTimeout,
    patience,
    host,
    clock,
    proxies: settings.proxies,
  });
  const work = createCopyWork({ ...settings, rules, skopeo, http, limits, trust, memory: settings.memory ?? createTagMemory() });
  const findLogins = loginFinder(registries);

  return {
    ...createReportedCopier(rules, work, findLogins, settings),
    skopeoVersion: version,
    doubts,
    async copyLogin(image, signal) {
      const login = await credentials.find({ image, side: "destination", ownLogin: true }, signal);
      // Others cannot use a refresh token as a password.
      return login?.identityToken === undefined ? login : undefined;
    },
    target: (source) => targetOf(source, rules),
    skippedByPattern: (image) => staysInPlace(image, rules) === "excluded",
    async close() {
      registries.close();
      await skopeo.close();
    },
  };
}

/** Versions of skopeo that read IPv6 addresses in image names (its distribution/reference does from 0.5 on). */
const readsIpv6 = { major: 1, minor: 14 };

function assertUsableName(host: string, version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > readsIpv6.major || (major === readsIpv6.major && minor >= readsIpv6.minor);
  if (!host.startsWith("[") || isNew) return;
  throw new SetupError(
    `THOTH_PUSH_REGISTRY names the address ${host}, which skopeo ${version} cannot read in an image name: use the registry's host name`,
  );
}

/** A full disk and a fault of the bot's own have no registry. */
function isOfRegistry(error: unknown): boolean {
  return !["DiskFull", "Unexpected"].includes(asJobError(error).reason);
}

type FindLogins = (source: ImageReference, target: ImageReference, options: CopyOptions, signal: AbortSignal) => Promise<Logins>;

function createReportedCopier(
  rules: PushRules,
  work: CopyWork,
  findLogins: FindLogins,
  settings: ImageCopierSettings,
): Pick<ImageCopier, "copy"> {
  const { clock, report } = settings;
  let lastId = 0;

  return {
    async copy(source, signal, options = {}) {
      const { completedAt, note = () => {} } = options;
      signal.throwIfAborted();
      const target = targetOf(source, rules);
      if (!target) return source;
      const names = { id: ++lastId, image: formatImageReference(source), target: formatImageReference(target) };
      const begun = clock.now();
      const end = (delivery: Pick<EndedCopy, "outcome" | "bytes">) =>
        report?.({ ...names, kind: "ended", ...delivery, seconds: (clock.now() - begun) / 1000 });
      try {
        const started = () => report?.({ ...names, kind: "started" });
        const { image, ...delivery } = await retryWithFreshLogins(
          () => findLogins(source, target, options, signal),
          (logins) => work.deliver({ source, ...logins, started, completedAt, note }, signal),
        );
        end(delivery);
        return image;
      } catch (error) {
        end({ outcome: "failed" });
        if (signal.aborted) throw error;
        const host = isOfRegistry(error) ? failedAt(error, { source, destination: target }) : undefined;
        throw host === undefined ? error : failureAt(error, host);
      }
    },
  };
}

function loginFinder({ credentials, readCertificates }: RegistryParts): FindLogins {
  return async (source, target, { inSourceRegistry = false }, signal) => {
    const [from, to, certificates] = await Promise.all([
      credentials.find({ image: source, side: "source", ownLogin: inSourceRegistry }, signal),
      credentials.find({ image: target, side: "destination", ownLogin: true }, signal),
      readCertificates(),
    ]);
    return { from, to, certificates };
  };
}

function targetOf(source: ImageReference, rules: PushRules): ImageReference | undefined {
  const plan = planCopy(source, rules);
  if (plan.kind === "stays") return undefined;
  const { registry, repository, tags } = plan.target;
  const [tag] = tags;
  return { registry, repository, ...(tag && { tag }), ...(source.digest && { digest: source.digest }) };
}
