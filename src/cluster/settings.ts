import type { BuildFacts } from "../core/build-outcome.ts";
import type { Clock } from "../core/clock.ts";
import type { Shelf } from "../core/shelf.ts";
import type { WatchPace } from "./watching/cursor.ts";

/** Which cluster, which part of it, and how patiently. */
export interface ClusterSettings {
  /** Empty: the namespace of the kubeconfig's context, or the pod's own. `*` among them: all, with one watch for the whole cluster. */
  readonly namespaces: readonly string[];
  /** With it the namespaces are those with these labels, asked for again and again. */
  readonly namespaceSelector?: string | undefined;
  /** Namespaces that are left out where they are not named one by one: `*` stands for any characters. */
  readonly namespaceExclude?: readonly string[];
  /** Which build systems are watched; absent or empty: those that the cluster has and the bot may read. */
  readonly sources?: readonly string[];
  /** Which of their objects are watched, in the syntax of `oc get -l`: `labelSelector` those of OpenShift. */
  readonly labelSelector?: string | undefined;
  readonly shipwrightSelector?: string | undefined;
  readonly tektonSelector?: string | undefined;
  /** Whether a TaskRun reports its images, though its PipelineRun does. Default: none. */
  readonly reportsItself?: (task: BuildFacts) => boolean;
  /** Whether images count that a PipelineRun had made before it failed. Default: they do. */
  readonly failedImages?: boolean;
  /** Patterns of results of Tekton runs that name no image. */
  readonly tektonIgnoreResults?: readonly string[];
  /** Milliseconds after which the cluster is asked again what there is to watch. */
  readonly askEvery?: number;
  readonly verifyTls: boolean;
  /** In place of the API server's URL that the kubeconfig or the pod names. */
  readonly url?: string | undefined;
  /** Milliseconds of silence after which a watch is taken for dead and reopened. */
  readonly watchTimeout: number;
  /** Public host of the cluster's registry. */
  readonly registryRoute?: string | undefined;
  /** The service account whose tokens are the login for the cluster's registry, as `[namespace/]name`; absent: the bot's own credentials are. */
  readonly pullAccount?: string | undefined;
  /** KUBECONFIG, HOME, HOSTNAME, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where TaskRuns wait for their PipelineRun. Default: in memory. */
  readonly shelf?: Shelf;
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
