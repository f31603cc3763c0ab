import { type FailureReason, failureReasons } from "./errors.ts";

/** The parts of a failure that decide what to do about it. */
export interface Failure {
  readonly reason: FailureReason;
  readonly host?: string | undefined;
  /** Milliseconds it was tried for before it was given up. */
  readonly givenUpAfter?: number | undefined;
}

const ofPushRegistry: { readonly [Reason in FailureReason]?: string } = {
  RegistryUnavailable:
    "Check the push registry (THOTH_PUSH_REGISTRY), and the proxy and network policy between. The job is retried automatically.",
  RegistryDenied:
    "Check THOTH_DST_REGISTRY_USER and THOTH_DST_REGISTRY_PASSWORD (or BUILD_WATCHER_DST_AUTHFILE), and that this login can push there and create repositories.",
  RegistryUntrusted:
    "Put the push registry's CA certificate into the directory named by BUILD_WATCHER_REGISTRY_CERTS, or set THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY=1.",
  RateLimited: "The push registry limits requests. BUILD_WATCHER_PER_REGISTRY lowers the load. The job is retried automatically.",
};

const ofSourceRegistry: { readonly [Reason in FailureReason]?: string } = {
  RegistryUnavailable:
    "Check the registry the image comes from, and the proxy and network policy between. The job is retried automatically.",
  RegistryDenied:
    "Grant system:image-puller to the bot for the cluster's registry. For another registry set THOTH_SRC_REGISTRY_USER, THOTH_SRC_REGISTRY_PASSWORD and BUILD_WATCHER_SRC_REGISTRY (or BUILD_WATCHER_SRC_AUTHFILE).",
  RegistryUntrusted:
    "Put that registry's CA certificate into the directory named by BUILD_WATCHER_REGISTRY_CERTS, or set THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY=1.",
};

/** Names that only the cluster's DNS knows. */
const insideName = /\.svc(\.cluster\.local)?(:\d+)?$/;

/** What to do outside the cluster about a registry that is named as it is called inside. */
export const needsRoute =
  "This host name works only inside the cluster. If the bot runs elsewhere, set BUILD_WATCHER_REGISTRY_ROUTE to the registry's public host, or let an administrator expose it.";

export function isInsideName(host: string): boolean {
  return insideName.test(host);
}

/**
 * What a person does about a failure. The push registry (`host[:port][/path]`) shows on which side a registry failed. Undefined for a reason that
 * only a newer version knows.
 */
export function remedyFor({ reason, host, givenUpAfter }: Failure, pushRegistry?: string): string | undefined {
  const sides = host !== undefined && host === pushRegistry?.split("/")[0] ? ofPushRegistry : ofSourceRegistry;
  const isUnknownName = reason === "RegistryUnavailable" && host !== undefined && isInsideName(host);
  const bySide = isUnknownName ? `${needsRoute} The job is retried automatically.` : host && sides[reason];
  const remedy = bySide ?? (Object.hasOwn(failureReasons, reason) ? failureReasons[reason].remedy : undefined);
  return givenUpAfter === undefined ? remedy : lastWords(remedy, givenUpAfter);
}

/** The same where nothing is retried, because a person called a command. */
export function remedyOnce(failure: Failure, pushRegistry?: string): string {
  return sentencesOnce(remedyFor(failure, pushRegistry)).join(" ");
}

/** Without those that promise a retry. */
function sentencesOnce(remedy = ""): readonly string[] {
  return remedy.split(/(?<=\.) /).filter((sentence) => sentence !== "" && !sentence.includes("automatically"));
}

/** For a job that is no longer retried. */
function lastWords(remedy: string | undefined, givenUpAfter: number): string {
  const sentences = sentencesOnce(remedy);
  const hours = givenUpAfter / 3_600_000;
  const time = hours >= 1 ? `${Math.round(hours)} h` : `${Math.max(Math.round(givenUpAfter / 1_000), 1)} s`;
  const words = `Given up after ${time}. Once the cause is gone, retry the job, with its button on the page or with build-watcher jobs retry and its id.`;
  return [...sentences, words].join(" ");
}
