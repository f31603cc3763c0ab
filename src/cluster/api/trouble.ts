import { JobError } from "../../core/jobs/errors.ts";
import type { WatchTrouble } from "../cluster.ts";
import { ApiError, type ApiFault } from "./api-error.ts";
import { type Access, grantAdvice } from "./grants.ts";
import { isPassing } from "./retrying.ts";

/** What a failure of a list or watch means for the watch. */
export interface Judgement {
  readonly reason: WatchTrouble["reason"];
  readonly message: string;
  /**
   * Whether the last resourceVersion is still valid; or doubtful, so that a list is due and, if that does not help, a new position; or lost.
   */
  readonly position: "holds" | "doubtful" | "lost";
  /** When to retry: at once the first time, with growing pauses, with short ones, or slowly, because only a person can fix it. */
  readonly pace: "at-once" | "backoff" | "settling" | "slow";
  /** Milliseconds that the server asked the bot to wait. */
  readonly retryAfter: number | undefined;
  /** Whether the server is away: nothing answered, or something else did. */
  readonly isAway: boolean;
}

/** For a few seconds after its start, a server refuses what it serves, until it has loaded its rights and groups. */
const refusalsOfStart: readonly ApiFault[] = ["Forbidden", "NotFound", "NotServed"];

/** The same for something that was served before: usually temporary. */
export function judgePassing(judgement: Judgement, error: unknown, { resource, namespace }: Access): Judgement | undefined {
  if (!(error instanceof ApiError) || !refusalsOfStart.includes(error.fault)) return undefined;
  const where = whereOf({ namespace });
  const message = `The OpenShift API refuses ${resource}${where}, although it served them before (${error.message}). Usually it has just started, and this passes`;
  return { ...judgement, reason: "Unavailable", message, pace: "settling" };
}

const away: readonly ApiFault[] = ["Silent", "Unavailable", "Unreachable"];

/** Judges an error of a list or watch. Unknown errors count as an outage. */
export function judge(error: unknown, access: Access): Judgement {
  if (error instanceof ApiError)
    return { ...judgeFault(error, access), retryAfter: error.retryAfter, isAway: away.includes(error.fault) };
  const message = error instanceof Error ? error.message : String(error);
  const reason = error instanceof JobError ? "Unauthorized" : "Unavailable";
  return { reason, message, position: "holds", pace: "backoff", retryAfter: undefined, isAway: false };
}

/** The same for a job: a `JobError` that says what to do, `ClusterDenied` where a right is missing. */
export function asClusterError(error: unknown, access: Access): JobError {
  if (error instanceof JobError) return error;
  const lasting = judge(error, access);
  const { message, retryAfter, reason } = (isPassing(error) && judgePassing(lasting, error, access)) || lasting;
  return new JobError(reason === "Forbidden" ? "ClusterDenied" : "ClusterUnavailable", message, {
    cause: error,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

function judgeFault(error: ApiError, access: Access): Omit<Judgement, "retryAfter" | "isAway"> {
  const { resource } = access;
  const where = whereOf(access);
  const said = `(${error.message})`;
  switch (error.fault) {
    case "Expired":
      return { reason: "Expired", message: expiredMessage(resource, where, said), position: "lost", pace: "at-once" };
    case "TooLargeVersion":
      return { reason: "Expired", message: expiredMessage(resource, where, said), position: "lost", pace: "backoff" };
    case "Unauthorized":
      return { reason: "Unauthorized", message: unauthorizedMessage(said), position: "holds", pace: "backoff" };
    case "Forbidden":
      return { reason: "Forbidden", message: grantAdvice(access, error.message), position: "holds", pace: "slow" };
    case "NotFound":
    case "NotServed":
      return { reason: "NotServed", message: notServedMessage(resource, said), position: "holds", pace: "slow" };
    case "Refused":
      return { reason: "Unavailable", message: refusedMessage(resource, where, said), position: "holds", pace: "slow" };
    case "BadData":
      return { reason: "BadData", message: badDataMessage(resource, where, said), position: "doubtful", pace: "backoff" };
    case "Broken":
      return { reason: "Unavailable", message: unavailableMessage(resource, where, said), position: "doubtful", pace: "backoff" };
    case "Deaf":
      return { reason: "Unavailable", message: deafMessage(resource, where, said), position: "doubtful", pace: "backoff" };
    case "Unavailable":
      return { reason: "Unavailable", message: unavailableMessage(resource, where, said), position: "holds", pace: "backoff" };
    case "Silent":
    case "Unreachable":
      return { reason: "Unavailable", message: error.message, position: "holds", pace: "backoff" };
  }
}

function whereOf({ namespace, ofCluster = false }: Pick<Access, "namespace" | "ofCluster">): string {
  if (ofCluster) return "";
  return namespace === undefined ? " in all namespaces" : ` in namespace ${namespace}`;
}

function unauthorizedMessage(said: string): string {
  return `The cluster does not accept the bot's credentials ${said}: run oc login. They are read again before every attempt`;
}

function expiredMessage(resource: string, where: string, said: string): string {
  return `The cluster no longer knows the position of the watch of ${resource}${where} ${said}: they are listed again, there is nothing to do`;
}

function notServedMessage(resource: string, said: string): string {
  return `The cluster does not serve ${resource} ${said}: point KUBECONFIG or KUBERNETES_API_URL at an OpenShift cluster with this capability`;
}

function deafMessage(resource: string, where: string, said: string): string {
  return `The watch of ${resource}${where} delivers nothing ${said}: something between the bot and the API server may hold the stream back, or BUILD_WATCHER_WATCH_TIMEOUT is shorter than a minute. Until the watch works, they are listed again and again`;
}

function refusedMessage(resource: string, where: string, said: string): string {
  return `The OpenShift API refuses to serve ${resource}${where} ${said}: check BUILD_WATCHER_LABEL_SELECTOR and THOTH_WATCHED_NAMESPACE`;
}

function badDataMessage(resource: string, where: string, said: string): string {
  return `Unreadable data about ${resource}${where} ${said}: they are listed again. If this repeats, check what is between the bot and the API server`;
}

function unavailableMessage(resource: string, where: string, said: string): string {
  return `The OpenShift API cannot serve ${resource}${where} now ${said}. If this lasts, run oc get clusteroperators`;
}
