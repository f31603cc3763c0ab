import type { BuildKey, NamedBuild } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";
import type { ImageName } from "../core/images/image-name.ts";
import type { ImageReference } from "../core/images/image-reference.ts";

/** One of the watches: the builds of a build system in a namespace, or in the whole cluster (undefined). */
export interface Watched {
  /** The plural of the watched objects, such as `buildruns`; absent: OpenShift's `builds`. */
  readonly source?: string;
  /** What people call one of them: `BuildRun`; absent: `Build`. */
  readonly what?: string;
  readonly namespace: string | undefined;
}

/** A key that distinguishes watches. */
export function watchedKey({ source = "builds", namespace }: Watched): string {
  return `${source} ${namespace ?? "*"}`;
}

/** What watches report, each in order. */
export type BuildSighting = (Watched & WatchSighting) | WatchesSighting;

/**
 * - `builds`: builds seen together, as listed (`listed`) or as events; a deleted one comes with its last state.
 * - `synced`: a list is complete; `startedAt` is when it began (ms): every build that still exists was seen since then.
 * - `alive`: the connection showed life without news (a bookmark, a reopened watch).
 * - `note`: what an operator may want to know though the watch works.
 * - `trouble`: something went wrong and is retried after `retryIn` ms; `message` says what to do about it.
 */
type WatchSighting =
  | { readonly kind: "builds"; readonly builds: readonly BuildOutcome[]; readonly listed: boolean }
  | { readonly kind: "synced"; readonly startedAt: number }
  | { readonly kind: "alive" }
  | { readonly kind: "note"; readonly message: string }
  | ({ readonly kind: "trouble" } & WatchTrouble);

/** What is watched from now on: reported once it is known, and when it changes. */
interface WatchesSighting {
  readonly kind: "watches";
  readonly watches: readonly Watched[];
}

/** Whether a sighting shows that the watch works; a list does not show that. */
export function isOfWatch(sighting: BuildSighting): boolean {
  return sighting.kind === "alive" || (sighting.kind === "builds" && !sighting.listed);
}

export interface WatchTrouble {
  readonly reason: "Forbidden" | "Unauthorized" | "Expired" | "Unavailable" | "BadData" | "NotServed";
  readonly message: string;
  readonly retryIn: number;
}

/** An image of an image stream, or why a tag is left out. `stream` ends a stream's images. */
export type StreamSighting =
  | { readonly kind: "image"; readonly stream: string; readonly tag: string; readonly image: ImageReference }
  | { readonly kind: "skipped"; readonly stream: string; readonly tag: string; readonly because: string }
  | { readonly kind: "stream"; readonly stream: string };

/** A user and a password for one registry; kept for one use only. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
}

/** The door to the cluster. Failures are `JobError`s; nothing here writes to the cluster. */
export interface Cluster {
  /** What is watched: names, or `undefined` alone for the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  /** Every build of the watched namespaces: each state at least once, none lost over broken connections. Ends only by the signal. */
  watchBuilds(signal: AbortSignal): AsyncIterable<BuildSighting>;
  /** The newest valid image of every tag of every image stream in the watched namespaces, page by page. */
  listImages(signal: AbortSignal): AsyncIterable<StreamSighting>;
  /**
   * The pull reference that an image name means, pinned by digest where the cluster knows it. `completedAt` (RFC 3339) chooses the item of a
   * moving tag that was current then. Throws `JobError("ImageNotFound")` when an image stream has no such image.
   */
  resolveImage(image: ImageName, completedAt: string | undefined, signal: AbortSignal): Promise<ImageReference>;
  /** The same image by its public host, if the bot runs outside the cluster or the operator named that host; else unchanged. */
  externalImage(image: ImageReference, signal: AbortSignal): Promise<ImageReference>;
  /** Whether an image is in the cluster's own registry, by its internal or its public host. */
  ownsImage(image: ImageReference): boolean;
  /**
   * A login for the cluster's own registry: with a short-lived token of the account that can only pull, or with the token the bot itself uses,
   * read again each time; undefined when it has none. Throws `JobError("ClusterDenied")` when it cannot get that account's.
   */
  registryLogin(signal: AbortSignal): Promise<RegistryLogin | undefined>;
  /** The tail of a build's log, at most this many bytes; undefined when it is gone or empty. `onCut` is told why its end is missing. */
  readBuildLog(
    build: BuildKey,
    maximumBytes: number,
    signal: AbortSignal,
    onCut?: (what: string) => void,
  ): Promise<string | undefined>;
  /** The address of OpenShift's web console; undefined if there is none, or the bot cannot read it. */
  consoleUrl(signal: AbortSignal): Promise<string | undefined>;
  /**
   * A build's log from its beginning, in pieces as they come. With `follow` it waits for the build to start, continues after a broken
   * connection, and ends with the build. Otherwise it is the log so far. Throws `JobError("ClusterUnavailable")` that says why there is
   * none. A fired signal ends it.
   */
  streamBuildLog(build: NamedBuild, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
