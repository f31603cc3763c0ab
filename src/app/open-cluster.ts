import { hostname } from "node:os";
import { openConnection } from "../cluster/access/connection.ts";
import type { BuildAnnouncer } from "../cluster/announcer.ts";
import { createApi } from "../cluster/api/api.ts";
import { withDeadline } from "../cluster/api/deadline.ts";
import { builds, listPath } from "../cluster/api/paths.ts";
import { createBuildAnnouncer } from "../cluster/build-announcer.ts";
import type { BuildSighting, Cluster } from "../cluster/cluster.ts";
import { createImageStreams } from "../cluster/images/image-streams-api.ts";
import { listImages, resolveImage } from "../cluster/images/images.ts";
import { createRegistryHosts } from "../cluster/images/registry-hosts.ts";
import { createRegistryRoute } from "../cluster/images/registry-route.ts";
import { type ClusterSettings, usualServiceAccountDirectory, watchedNamespaces } from "../cluster/settings.ts";
import { merge } from "../cluster/watching/merge.ts";
import { createOutage } from "../cluster/watching/outage.ts";
import { follow, type Sighting, usualPace } from "../cluster/watching/watch.ts";
import type { BuildOutcome } from "../core/build-outcome.ts";
import { systemClock } from "../core/clock.ts";
import { createGate } from "../core/gate.ts";
import { readBuildLog } from "../sources/logs/build-log.ts";
import { streamBuildLog } from "../sources/logs/build-log-stream.ts";
import { openshiftBuilds } from "../sources/openshift-builds.ts";

/** Lists that run at once at start, when hundreds of namespaces are watched. */
const listsAtOnce = 8;

/** client-go's page; image streams carry their whole history and come in smaller pages. */
const usualPageSize = 500;
const streamPageSize = 100;

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
  const outage = createOutage((signal) => api.getJson(`/apis/${builds.group}/${builds.version}`, {}, signal), clock);
  const patience = { attempts: 4, backoff: pace.backoff, clock };
  const logs = { api, patience, silence: logTimeout, timeLimit: logTimeLimit };
  const hosts = createRegistryHosts(settings.registryRoute);
  const streams = createImageStreams({ api, hosts, patience, pageSize: Math.min(pageSize, streamPageSize) });
  const route = createRegistryRoute(streams, hosts, clock);
  const namesPublicHost = !connection.inPod || settings.registryRoute !== undefined;

  async function* watchNamespace(namespace: string | undefined, signal: AbortSignal): AsyncGenerator<BuildSighting> {
    const path = listPath(builds, namespace);
    const shared = { api, clock, pace, listing, outage, labelSelector, pageSize, watchTimeout };
    for await (const sighting of follow(
      { ...shared, path, namespace, resource: "builds", read: openshiftBuilds.classify },
      signal,
    )) {
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
    readBuildLog: (build, maximumBytes, signal) => readBuildLog(logs, openshiftBuilds, build, maximumBytes, signal),
    streamBuildLog: (build, follow, signal) => streamBuildLog(logs, openshiftBuilds, build, follow, signal),
    announcer: createBuildAnnouncer({ api, patience, instance: environment.HOSTNAME || hostname() }),
    async registryLogin(signal) {
      const token = await withDeadline(clock, signal, requestTimeout, connection.bearerToken);
      // The registry reads only the password; a user name with colons, as a service account's, would be cut at the first.
      return token === undefined ? undefined : { user: "serviceaccount", password: token };
    },
    close: () => connection.close(),
  };
}

function inNamespace(namespace: string | undefined, sighting: Sighting<BuildOutcome>): BuildSighting {
  return sighting.kind === "objects"
    ? { kind: "builds", namespace, builds: sighting.objects, listed: sighting.listed }
    : { ...sighting, namespace };
}
