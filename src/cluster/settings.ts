import type { BuildFacts } from "../core/builds/build-outcome.ts";
import type { Clock } from "../core/clock.ts";
import type { Shelf } from "../core/jobs/shelf.ts";
import type { WatchPace } from "./watching/cursor.ts";

/** Which cluster, which part of it, and with which timeouts. */
export interface ClusterSettings {
  /** Empty: the namespace of the kubeconfig's context, or the pod's own. `*` among them: all, with one watch for the whole cluster. */
  readonly namespaces: readonly string[];
  /** Watches the namespaces with these labels; they are asked for regularly. */
  readonly namespaceSelector?: string | undefined;
  /** Namespaces that are left out unless they are named: `*` stands for any characters. */
  readonly namespaceExclude?: readonly string[];
  /** Which build systems are watched; absent or empty: those that the cluster has and the bot may read. */
  readonly sources?: readonly string[];
  /** Which of their objects are watched, in the syntax of `oc get -l`, by the names of the build systems. */
  readonly selectors?: Readonly<Record<string, string | undefined>>;
  /** Whether a TaskRun reports its images although its PipelineRun does. Default: no. */
  readonly reportsItself?: (task: BuildFacts) => boolean;
  /** Whether images count that a PipelineRun made before it failed. Default: yes. */
  readonly failedImages?: boolean;
  /** Patterns of results of Tekton runs that name no image. */
  readonly tektonIgnoreResults?: readonly string[];
  /** Milliseconds between questions about what there is to watch. */
  readonly askEvery?: number;
  readonly verifyTls: boolean;
  /** Replaces the API server's URL of the kubeconfig or the pod. */
  readonly url?: string | undefined;
  /** Milliseconds of silence after which a watch counts as dead and is reopened. */
  readonly watchTimeout: number;
  /** Public host of the cluster's registry. */
  readonly registryRoute?: string | undefined;
  /** The service account whose tokens are the login for the cluster's registry, as `[namespace/]name`; absent: the bot's own credentials. */
  readonly pullAccount?: string | undefined;
  /** KUBECONFIG, HOME, HOSTNAME, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where TaskRuns wait for their PipelineRun. Default: in memory. */
  readonly shelf?: Shelf;
  readonly clock?: Clock;
  readonly pace?: WatchPace;
  /** Milliseconds to wait for an answer, connecting included. */
  readonly requestTimeout?: number;
  /** Milliseconds without a byte after which a build's log counts as broken. */
  readonly logTimeout?: number;
  /** Milliseconds after which reading a build's log stops; what was read is used. */
  readonly logTimeLimit?: number;
  /** Builds in one page of a list. */
  readonly pageSize?: number;
  /** Where a pod finds its token. */
  readonly serviceAccountDirectory?: string;
}

/** Where Kubernetes puts a pod's token, CA and namespace. */
export const usualServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What is watched: the named namespaces, else the context's own. */
export function watchedNamespaces(named: readonly string[], own: string | undefined): readonly (string | undefined)[] {
  if (named.includes("*")) return [undefined];
  return named.length > 0 ? [...new Set(named)] : [own ?? "default"];
}
