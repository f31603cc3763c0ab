import type { Clock } from "../../core/clock.ts";
import type { Digest, ImageReference } from "../../core/images/image-reference.ts";
import { type PushRules, type PushTarget, pushTarget } from "../../core/images/push-target.ts";
import type { RegistryHttp, SendToRegistry } from "../http/registry-http.ts";
import type { RegistryLogin } from "../logins/credentials.ts";
import { ifUnderstood } from "../own-requests.ts";
import { getManifest, type Manifest, manifestOf } from "../reading/distribution.ts";
import { assertImage } from "../reading/manifest.ts";
import type { Skopeo } from "../skopeo/skopeo.ts";
import type { SkopeoCopy } from "../skopeo/skopeo-arguments.ts";
import type { HostTrust } from "../trust/host-trust.ts";
import type { HostLimits } from "./host-limits.ts";

/** What one attempt uses, read just before it. */
export interface Logins {
  readonly from: RegistryLogin | undefined;
  readonly to: RegistryLogin | undefined;
  readonly certificates: string;
}

export interface CopyRequest extends Logins {
  readonly source: ImageReference;
  /** When the image was completed, in milliseconds since the epoch, if known. */
  readonly completedAt: number | undefined;
  /** Called when skopeo begins. */
  readonly started: () => void;
  /** Called with what people should know of the copy. */
  readonly note: (text: string) => void;
}

/** One image being copied: both repositories, and what is known of it. */
export interface Journey extends CopyRequest {
  readonly source: ImageReference & { readonly digest: Digest };
  readonly target: PushTarget;
  readonly fromRegistry: SendToRegistry;
  /** Its manifest, if it was read for a tag's digest or its layers. */
  readonly manifest: Manifest | undefined;
  /** The image's size, if its manifest was read. */
  readonly bytes?: number | undefined;
  readonly toRegistry: SendToRegistry;
}

export interface JourneyParts {
  readonly rules: PushRules;
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly http: RegistryHttp;
  readonly limits: HostLimits;
  readonly trust: Pick<HostTrust, "judgeSource">;
  readonly skopeo: Pick<Skopeo, "inspect">;
  readonly clock: Clock;
}

/** Finds out where an image goes. An image named only by tag is looked up. Throws `JobError`. */
export async function prepareJourney(parts: JourneyParts, request: CopyRequest, signal: AbortSignal): Promise<Journey> {
  const { source, from, to, certificates } = request;
  const { registry, repository } = source;
  parts.trust.judgeSource(registry);
  const open = withinLimits(parts.http, parts.limits);
  const verify = { from: parts.sourceVerifyTls, to: parts.destinationVerifyTls };
  const fromRegistry = open({ registry, repository, actions: "pull", login: from, verifyTls: verify.from, certificates });
  const manifest = source.digest ? undefined : await findByTag(parts, request, fromRegistry, signal);
  if (manifest) assertImage(manifest);
  const digest = source.digest ?? (manifest as Manifest).digest;
  const target = pushTarget(source, digest, parts.rules);
  const place = { registry: target.registry, repository: target.repository };
  const toRegistry = open({ ...place, actions: "pull,push", login: to, verifyTls: verify.to, certificates });
  // A tag names its image as of now, whenever that was completed.
  const completedAt = source.digest ? request.completedAt : parts.clock.now();
  return { ...request, source: { ...source, digest }, target, fromRegistry, toRegistry, manifest, completedAt };
}

/** Asks the registry, and where it refuses the bot, lets skopeo ask. */
async function findByTag(
  { skopeo, sourceVerifyTls: verifyTls }: JourneyParts,
  { source, from: login, certificates }: CopyRequest,
  fromRegistry: SendToRegistry,
  signal: AbortSignal,
): Promise<Manifest> {
  const tag = source.tag ?? "latest";
  const asked = getManifest(fromRegistry, tag, signal);
  const found = await ifUnderstood(asked, undefined);
  return found ?? manifestOf(await skopeo.inspect({ ...source, tag }, { login, verifyTls }, certificates, signal), tag);
}

/** What skopeo has to do for a tag of the copy. */
export function skopeoCopy(
  journey: Journey,
  tag: string,
  tls: Pick<JourneyParts, "sourceVerifyTls" | "destinationVerifyTls">,
): SkopeoCopy {
  const { source, target, from, to, certificates, manifest } = journey;
  return {
    source,
    destination: { registry: target.registry, repository: target.repository, tag },
    from: { login: from, verifyTls: tls.sourceVerifyTls },
    to: { login: to, verifyTls: tls.destinationVerifyTls },
    certificates,
    mediaType: manifest?.mediaType,
    bytes: journey.bytes,
  };
}

/** Senders that respect a host's wish for fewer requests. */
function withinLimits(http: RegistryHttp, limits: HostLimits): RegistryHttp["open"] {
  return (access) => {
    const send = http.open(access);
    return async (request, signal) => {
      await limits.pass([access.registry], signal);
      return limits.heed(send(request, signal), () => access.registry);
    };
  };
}
