import type { Build, BuildKey, ObjectReference } from "./build.ts";
import { gitOrigin } from "./git-origin.ts";
import { type ImageName, imageStreamName } from "./image-name.ts";
import { isDigest, parseImageReference, withDigest } from "./image-reference.ts";
import { isObjectName } from "./object-name.ts";
import { longestId, outsideText } from "./outside-text.ts";

/** What a build means to the bot. Nothing here is OpenShift's own: another build system can be a further source of outcomes. */
export type BuildOutcome =
  | ({ readonly kind: "succeeded"; readonly output: ImageName } & BuildFacts)
  | ({ readonly kind: "failed"; readonly reason: string } & BuildFacts)
  | { readonly kind: "pending"; readonly build: BuildKey; readonly phase: string }
  | { readonly kind: "ignored"; readonly build: BuildKey | undefined; readonly because: IgnoredBecause };

export type IgnoredBecause = "cancelled" | "no-output-image" | "excluded" | "unreadable";

/** What is known of every ended build that is worth a look. */
export interface BuildFacts {
  readonly build: BuildKey;
  /** `namespace/name` of the BuildConfig; absent for a build made by hand. */
  readonly buildConfig?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly base?: ImageName;
  /** The git URI it was built from, without credentials. */
  readonly origin?: string;
  readonly commit?: string;
  readonly trigger?: string;
  /** RFC 3339. */
  readonly completedAt?: string;
}

/** A Build with this annotation set to "true" is left alone. */
export const skipAnnotation = "build-watcher.thoth-station.ninja/skip";

/** Says what a Build means; never throws, whatever the server sent. */
export function classifyBuild(build: Build): BuildOutcome {
  const key = buildKey(build);
  if (!key) return { kind: "ignored", build: undefined, because: "unreadable" };
  if (build.metadata?.annotations?.[skipAnnotation] === "true") return { kind: "ignored", build: key, because: "excluded" };
  const phase = build.status?.phase;
  switch (phase) {
    case "Complete":
      return classifyComplete(build, key);
    case "Failed":
    case "Error":
      return { kind: "failed", reason: outsideText(build.status?.reason, longestId) ?? phase, ...facts(build, key) };
    case "Cancelled":
      return { kind: "ignored", build: key, because: "cancelled" };
    default:
      return { kind: "pending", build: key, phase: outsideText(phase, longestId) ?? "" };
  }
}

function classifyComplete(build: Build, key: BuildKey): BuildOutcome {
  try {
    const output = outputImage(build, key.namespace);
    if (!output) return { kind: "ignored", build: key, because: "no-output-image" };
    return { kind: "succeeded", output, ...facts(build, key) };
  } catch {
    return { kind: "ignored", build: key, because: "unreadable" };
  }
}

/** `namespace/name` of the BuildConfig; undefined for a Build made by hand. */
export function buildConfigOf(build: Build, { namespace }: BuildKey): string | undefined {
  const config = build.status?.config;
  const name = text(config?.name) ?? text(build.metadata?.annotations?.["openshift.io/build-config.name"]);
  const place = text(config?.namespace) ?? namespace;
  return isObjectName(name) && isObjectName(place) ? `${place}/${name}` : undefined;
}

/**
 * The image that came out, by digest where the builder reported one. `status.outputDockerImageReference` can be lost in a crash of the
 * build controller; the ImageStreamTag in `spec.output.to` names it then.
 */
function outputImage(build: Build, namespace: string): ImageName | undefined {
  const to = build.spec?.output?.to;
  const digest = build.status?.output?.to?.imageDigest;
  const name = text(build.status?.outputDockerImageReference);
  if (name) {
    const reference = parseImageReference(name);
    return { kind: "reference", reference: isDigest(digest) ? withDigest(reference, digest) : reference };
  }
  return imageOf(to, namespace);
}

function facts(build: Build, key: BuildKey): BuildFacts {
  return dropUndefined({
    build: key,
    labels: build.metadata?.labels ?? {},
    buildConfig: buildConfigOf(build, key),
    base: baseImage(build, key.namespace),
    origin: gitOrigin(build.spec?.source?.git?.uri),
    commit: outsideText(build.spec?.revision?.git?.commit, longestId),
    trigger: outsideText(Array.isArray(build.spec?.triggeredBy) ? build.spec.triggeredBy[0]?.message : undefined),
    completedAt: outsideText(build.status?.completionTimestamp, longestId),
  });
}

/** The image a build stands on: its strategy's `from`, else the first image its source takes files from. An unreadable one is no base. */
function baseImage(build: Build, namespace: string): ImageName | undefined {
  const { dockerStrategy, sourceStrategy, customStrategy } = build.spec?.strategy ?? {};
  const images = build.spec?.source?.images;
  const from =
    dockerStrategy?.from ?? sourceStrategy?.from ?? customStrategy?.from ?? (Array.isArray(images) ? images[0]?.from : undefined);
  try {
    return imageOf(from, namespace);
  } catch {
    return undefined;
  }
}

function imageOf(reference: ObjectReference | undefined, namespace: string): ImageName | undefined {
  const name = text(reference?.name);
  if (!name) return undefined;
  if (reference?.kind === "DockerImage") return { kind: "reference", reference: parseImageReference(name) };
  return imageStreamName(text(reference?.namespace) ?? namespace, name);
}

/** Which Build it is; undefined when the server sent something that is none. */
export function buildKey(build: Build): BuildKey | undefined {
  const { namespace, name, uid } = build?.metadata ?? {};
  if (!isObjectName(namespace) || !isObjectName(name) || !isUid(uid)) return undefined;
  return { namespace, name, uid } as BuildKey;
}

function isUid(uid: unknown): uid is string {
  return typeof uid === "string" && /^[\w.:-]+$/.test(uid) && uid.length <= longestId;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function dropUndefined<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}
