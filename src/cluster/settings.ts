import type { Clock } from "../core/clock.ts";
import type { WatchPace } from "./watching/cursor.ts";

/** Which cluster, which part of it, and how patiently. */
export interface ClusterSettings {
  /** Empty: the namespace of the kubeconfig's context, or the pod's own. `*` among them: all, with one watch for the whole cluster. */
  readonly namespaces: readonly string[];
  /** Which builds are watched, in the syntax of `oc get -l`. */
  readonly labelSelector?: string | undefined;
  readonly verifyTls: boolean;
  /** In place of the API server's URL that the kubeconfig or the pod names. */
  readonly url?: string | undefined;
  /** Milliseconds of silence after which a watch is taken for dead and reopened. */
  readonly watchTimeout: number;
  /** Public host of the cluster's registry. */
  readonly registryRoute?: string | undefined;
  /** KUBECONFIG, HOME, HOSTNAME, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly pace?: WatchPace;
  /** Milliseconds an answer may be awaited, connecting included. */
  readonly requestTimeout?: number;
  /** Milliseconds without a byte after which a build's log is taken for broken. */
  readonly logTimeout?: number;
  /** Milliseconds after which a build's log is taken as far as it was read. */
  readonly logTimeLimit?: number;
  /** Builds in one page of a list. */
  readonly pageSize?: number;
  /** Where a pod finds its token. */
  readonly serviceAccountDirectory?: string;
}

/** Where Kubernetes puts a pod's token, CA and namespace. */
export const usualServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What is watched, of what was named and the context's own namespace. */
export function watchedNamespaces(named: readonly string[], own: string | undefined): readonly (string | undefined)[] {
  if (named.includes("*")) return [undefined];
  return named.length > 0 ? [...new Set(named)] : [own ?? "default"];
}
