import { hostname } from "node:os";
import type { Build } from "../core/build.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import type { BuildAnnouncer } from "./announcer.ts";
import { createApi } from "./api.ts";
import { createBuildAnnouncer } from "./build-announcer.ts";
import { readBuildLog } from "./build-log.ts";
import { streamBuildLog } from "./build-log-stream.ts";
import type { BuildSighting, Cluster } from "./cluster.ts";
import { openConnection } from "./connection.ts";
import { withDeadline } from "./deadline.ts";
import { createGate } from "./gate.ts";
import { createImageStreams } from "./image-streams-api.ts";
import { listImages, resolveImage } from "./images.ts";
import { merge } from "./merge.ts";
import { createRegistryHosts } from "./registry-hosts.ts";
import { createRegistryRoute } from "./registry-route.ts";
import { follow, type Sighting, usualPace, type WatchPace } from "./watch.ts";

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

/** Lists that run at once at start, when hundreds of namespaces are watched. */
const listsAtOnce = 8;

/** client-go's page; image streams carry their whole history and come in smaller pages. */
const usualPageSize = 500;
const streamPageSize = 100;

/** Where Kubernetes puts a pod's token, CA and namespace. */
export const usualServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A cluster, and the one way to write to it. */
export interface WritableCluster extends Cluster {
  readonly announcer: BuildAnnouncer;
}

/** Opens the door to a cluster. Throws `JobError("ClusterUnavailable")` when no credentials are found; the server is not asked yet. */
export async function openCluster(settings: ClusterSettings): Promise<WritableCluster> {
  const { clock = systemClock, pace = usualPace, requestTimeout = 60_000, logTimeout = 60_000, logTimeLimit = 60_000 } = settings;
  const { pageSize = usualPageSize, serviceAccountDirectory = usualServiceAccountDirectory } = settings;
  const { environment, url, verifyTls, labelSelector, watchTimeout } = settings;
  const connection = await openConnection({ environment, url, verifyTls, serviceAccountDirectory });
  const api = createApi({ connection, clock, requestTimeout });
  const namespaces = watchedNamespaces(settings.namespaces, connection.namespace);
  const listing = createGate(listsAtOnce);
  const patience = { attempts: 4, backoff: pace.backoff, clock };
  const logs = { api, patience, silence: logTimeout, timeLimit: logTimeLimit };
  const hosts = createRegistryHosts(settings.registryRoute);
  const streams = createImageStreams({ api, hosts, patience, pageSize: Math.min(pageSize, streamPageSize) });
  const route = createRegistryRoute(streams, hosts, clock);
  const namesPublicHost = !connection.inPod || settings.registryRoute !== undefined;

  async function* watchNamespace(namespace: string | undefined, signal: AbortSignal): AsyncGenerator<BuildSighting> {
    const path = buildsPath(namespace);
    const shared = { api, clock, pace, listing, labelSelector, pageSize, watchTimeout };
    for await (const sighting of follow<Build>({ ...shared, path, namespace, resource: "builds" }, signal)) {
      yield inNamespace(namespace, sighting);
    }
  }

  return {
    namespaces,
    watchBuilds(signal) {
      const watches = namespaces.map((namespace) => (its: AbortSignal) => watchNamespace(namespace, its));
      return merge(watches, signal);
    },
    listImages: (signal) => listImages(streams, namespaces, signal),
    resolveImage: (image, completedAt, signal) => resolveImage(streams, hosts, image, completedAt, signal),
    externalImage: async (image, signal) => (namesPublicHost ? route.externalImage(image, signal) : image),
    ownsImage: (image) => hosts.owns(image.registry),
    readBuildLog: (build, maximumBytes, signal) => readBuildLog(logs, build, maximumBytes, signal),
    streamBuildLog: (build, follow, signal) => streamBuildLog(logs, build, follow, signal),
    announcer: createBuildAnnouncer({ api, patience, instance: environment.HOSTNAME || hostname() }),
    async registryLogin(signal) {
      const token = await withDeadline(clock, signal, requestTimeout, connection.bearerToken);
      // The registry reads only the password; a user name with colons, as a service account's, would be cut at the first.
      return token === undefined ? undefined : { user: "serviceaccount", password: token };
    },
    close: () => connection.close(),
  };
}

/** What is watched, of what was named and the context's own namespace. */
export function watchedNamespaces(named: readonly string[], own: string | undefined): readonly (string | undefined)[] {
  if (named.includes("*")) return [undefined];
  return named.length > 0 ? [...new Set(named)] : [own ?? "default"];
}

function buildsPath(namespace: string | undefined): string {
  const scope = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/build.openshift.io/v1${scope}/builds`;
}

function inNamespace(namespace: string | undefined, sighting: Sighting<Build>): BuildSighting {
  return sighting.kind === "objects"
    ? { kind: "builds", namespace, builds: sighting.objects, listed: sighting.listed }
    : { ...sighting, namespace };
}
