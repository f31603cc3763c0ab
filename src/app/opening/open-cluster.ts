import { hostname } from "node:os";
import { openConnection } from "../../cluster/access/connection.ts";
import type { BuildAnnouncer } from "../../cluster/announcer.ts";
import { type Api, createApi } from "../../cluster/api/api.ts";
import { withDeadline } from "../../cluster/api/deadline.ts";
import { groupPath, listPath, resourceName } from "../../cluster/api/paths.ts";
import { type AnnouncedObject, createBuildAnnouncer } from "../../cluster/build-announcer.ts";
import type { BuildSighting, Cluster } from "../../cluster/cluster.ts";
import { askConsoleUrl } from "../../cluster/console.ts";
import { createImageStreams } from "../../cluster/images/image-streams-api.ts";
import { listImages, resolveImage } from "../../cluster/images/images.ts";
import { createRegistryHosts } from "../../cluster/images/registry-hosts.ts";
import { createRegistryRoute } from "../../cluster/images/registry-route.ts";
import { createPullTokens, readPullAccount } from "../../cluster/pull-token.ts";
import { type ClusterSettings, usualServiceAccountDirectory } from "../../cluster/settings.ts";
import { openNamespaces, type WatchedNamespaces } from "../../cluster/watched-namespaces.ts";
import { createOutage } from "../../cluster/watching/outage.ts";
import { follow, usualPace } from "../../cluster/watching/watch.ts";
import { type BuildKey, kindOf } from "../../core/builds/build.ts";
import type { BuildOutcome } from "../../core/builds/build-outcome.ts";
import { systemClock } from "../../core/clock.ts";
import { createGate } from "../../core/gate.ts";
import { createShelf } from "../../core/jobs/shelf.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import type { SourcePart } from "../../sources/discovery.ts";
import { buildSources } from "../../sources/index.ts";
import { readBuildLog } from "../../sources/logs/build-log.ts";
import { streamBuildLog } from "../../sources/logs/build-log-stream.ts";
import { createOwnership } from "../../sources/objects/ownership.ts";
import type { Looked } from "../../sources/objects/skipped-owners.ts";
import { type BuildReaderSettings, createBuildReader } from "../../sources/read-builds.ts";
import { readTemplateOf, templateOf } from "../../sources/rights.ts";
import { watchBuilds, watchedOf } from "../../sources/watch-builds.ts";

/** How many lists run at once, when hundreds of namespaces are watched. */
const listsAtOnce = 8;

/** Image streams carry their whole history and come in smaller pages. */
const streamPageSize = 100;

/** Milliseconds between questions about build systems, and about namespaces, which change more often. */
const askForSources = 10 * 60_000;
const askForNamespaces = 60_000;

/** How often a question is asked again while the server does not answer. */
const attempts = 4;

/** A cluster, and the only way to write to it. */
export interface WritableCluster extends Cluster {
  readonly announcer: BuildAnnouncer;
  /** What objects mean that come from somewhere else, as if the watch had seen them, in their order. Rejects only when the signal fires. */
  readBuilds(objects: readonly SourceObject[], signal: AbortSignal): Promise<Looked>;
}

/** An object, and the source it is of. */
export interface SourceObject {
  readonly source: BuildSource;
  readonly object: unknown;
}

/** Opens the door to a cluster. Throws `JobError("ClusterUnavailable")` when no credentials are found; the server is not asked yet. */
export async function openCluster(settings: ClusterSettings): Promise<WritableCluster> {
  const { clock = systemClock, pace = usualPace, requestTimeout = 60_000, logTimeout = 60_000, logTimeLimit = 60_000 } = settings;
  const { serviceAccountDirectory = usualServiceAccountDirectory, pageSize = streamPageSize } = settings;
  const { environment, url, verifyTls } = settings;
  const connection = await openConnection({ environment, url, verifyTls, serviceAccountDirectory });
  const api = createApi({ connection, clock, requestTimeout });
  const namespaces = openNamespaces(api, settings, connection.namespace);
  const sources = buildSources({ ignoreResults: settings.tektonIgnoreResults ?? ["SOURCE_*"] });
  const patience = { attempts, backoff: pace.backoff, clock };
  const reading = { api, patience, isExcluded: namespaces.isExcluded };
  const logs = { api, patience, silence: logTimeout, timeLimit: logTimeLimit };
  const hosts = createRegistryHosts(settings.registryRoute);
  const streams = createImageStreams({ api, hosts, patience, pageSize: Math.min(pageSize, streamPageSize) });
  const route = createRegistryRoute(streams, hosts, clock);
  const pullToken =
    settings.pullAccount === undefined
      ? connection.bearerToken
      : createPullTokens({ api, patience, clock }, readPullAccount(settings.pullAccount, connection.namespace));
  const namesPublicHost = !connection.inPod || settings.registryRoute !== undefined;
  const sourceOf = (build: Pick<BuildKey, "kind">) => sources.find(({ kind }) => kind === kindOf(build)) ?? first(sources);

  return {
    namespaces: namespaces.named,
    watchBuilds: (signal) => watchAll(settings, reading, api, sources, namespaces, signal),
    readBuilds: (objects, signal) => readAll(reading, objects, signal),
    listImages: (signal) => listImages(streams, namespaces, signal),
    resolveImage: (image, completedAt, signal) => resolveImage(streams, hosts, image, completedAt, signal),
    externalImage: async (image, signal) => (namesPublicHost ? route.externalImage(image, signal) : image),
    ownsImage: (image) => hosts.owns(image.registry),
    readBuildLog: (build, ...how) => readBuildLog(logs, sourceOf(build), build, ...how),
    streamBuildLog: (build, follow, signal) => streamBuildLog(logs, sourceOf(build), build, follow, signal),
    consoleUrl: (signal) => askConsoleUrl(api, signal),
    announcer: createBuildAnnouncer({
      api,
      patience,
      instance: environment.HOSTNAME || hostname(),
      targetOf: (build) => announcedObject(sourceOf(build)),
    }),
    async registryLogin(signal) {
      const token = await withDeadline(clock, signal, requestTimeout, pullToken);
      // The registry reads only the password. A service account's name has colons, and would be cut at the first.
      return token === undefined ? undefined : { user: "serviceaccount", password: token };
    },
    close: () => connection.close(),
  };
}

function watchAll(
  settings: ClusterSettings,
  reading: BuildReaderSettings,
  api: Api,
  sources: readonly BuildSource[],
  namespaces: WatchedNamespaces,
  signal: AbortSignal,
): AsyncIterable<BuildSighting> {
  const { clock = systemClock, pace = usualPace, watchTimeout, sources: chosen = [] } = settings;
  const { group, version } = first(sources).resource;
  const outage = createOutage((its) => api.getJson(groupPath(group, version), {}, its), clock);
  const shared = { api, clock, pace, listing: createGate(listsAtOnce), outage, watchTimeout };

  async function* watch(part: SourcePart, its: AbortSignal): AsyncGenerator<BuildSighting> {
    const { source, namespace } = part;
    const { resource } = source;
    const { read, leaveOut } = createBuildReader(source, reading);
    const pageSize = Math.min(settings.pageSize ?? source.pageSize, source.pageSize);
    const own = {
      path: listPath(resource, namespace),
      template: readTemplateOf(source),
      resource: resourceName(resource),
      labelSelector: settings.selectors?.[source.name],
    };
    for await (const sighting of follow({ ...shared, ...own, namespace, read, pageSize }, its)) {
      const watched = watchedOf(part);
      if (sighting.kind !== "objects") {
        yield { ...sighting, ...watched };
        continue;
      }
      const { objects, listed } = sighting;
      const looked = await leaveOut(objects, its).catch(() => undefined);
      // The signal fired.
      if (!looked) return;
      for (const message of looked.notes) yield { kind: "note", ...watched, message };
      yield { kind: "builds", ...watched, builds: looked.builds, listed };
    }
  }

  return watchBuilds(
    {
      api,
      sources,
      chosen,
      namespaces: namespaces.list,
      named: namespaces.named,
      namespacesChange: namespaces.change,
      ownership: createOwnership({ reportsItself: () => false, failedImages: true, shelf: createShelf(), ...settings, clock }),
      clock,
      askEvery: settings.askEvery ?? (namespaces.change ? askForNamespaces : askForSources),
      watch,
    },
    signal,
  );
}

async function readAll(reading: BuildReaderSettings, objects: readonly SourceObject[], signal: AbortSignal): Promise<Looked> {
  const bySource = Map.groupBy(objects, ({ source }) => source);
  const read = new Map<SourceObject, BuildOutcome>();
  const notes: string[] = [];
  for (const [source, own] of bySource) {
    const reader = createBuildReader(source, reading);
    const looked = await reader.leaveOut(
      own.map(({ object }) => reader.read(object)),
      signal,
    );
    notes.push(...looked.notes);
    for (const [index, build] of looked.builds.entries()) read.set(own[index] as SourceObject, build);
  }
  return { builds: objects.flatMap((object) => read.get(object) ?? []), notes };
}

function announcedObject(source: BuildSource): AnnouncedObject {
  const { resource, kind, objectKind = kind } = source;
  return { resource, kind: objectKind, template: templateOf(source) };
}

function first(sources: readonly BuildSource[]): BuildSource {
  const [source] = sources;
  if (!source) throw new TypeError("There is no build source");
  return source;
}
