import type { Api } from "../cluster/api/api.ts";
import { resourceName } from "../cluster/api/paths.ts";
import { judge } from "../cluster/api/trouble.ts";
import { type BuildSighting, type Watched, watchedKey } from "../cluster/cluster.ts";
import { type Change, mergeChanging, type Stream } from "../cluster/watching/merge.ts";
import { type Clock, sleep } from "../core/clock.ts";
import type { BuildSource } from "./build-source.ts";
import { discoverParts, type ReadableParts, type SourcePart } from "./discovery.ts";
import type { Ownership } from "./objects/ownership.ts";

export interface BuildWatchSettings {
  readonly api: Api;
  /** Every source that is known. */
  readonly sources: readonly BuildSource[];
  /** The names of those to watch. Empty: those that the cluster serves and the bot can read. */
  readonly chosen: readonly string[];
  /** The namespaces to watch now. Throws `ApiError`. */
  readonly namespaces: (signal: AbortSignal) => Promise<readonly (string | undefined)[]>;
  /** The namespaces that are known without asking. */
  readonly named: readonly (string | undefined)[];
  /** Whether the namespaces may change. */
  readonly namespacesChange: boolean;
  readonly ownership: Ownership;
  readonly clock: Clock;
  /** Milliseconds between two questions about what there is to watch. */
  readonly askEvery: number;
  /** Watches one part until the signal fires. */
  readonly watch: (part: SourcePart, signal: AbortSignal) => AsyncIterable<BuildSighting>;
}

/** Milliseconds between two questions while the server does not answer. */
const askAgainAfter = 10_000;

/** Every build of every source. What is watched follows what the cluster has. */
export async function* watchBuilds(settings: BuildWatchSettings, signal: AbortSignal): AsyncGenerator<BuildSighting> {
  for await (const sighting of mergeChanging((its) => changes(settings, its), signal)) {
    const { sightings, dealtWith } = await settings.ownership.settle(sighting);
    yield* sightings;
    // When the next sighting is asked for, these are queued.
    await dealtWith();
  }
}

async function* changes(settings: BuildWatchSettings, signal: AbortSignal): AsyncGenerator<Change<BuildSighting>> {
  const { clock, askEvery, chosen, namespacesChange, named } = settings;
  const isKnown = chosen.length > 0 && !namespacesChange;
  let told: string | undefined;
  let streams = streamsOf(settings, chosenParts(settings, named));
  const readable: ReadableParts = new Set();

  function change(): Change<BuildSighting> {
    const watches = [...streams.values()].map(({ watched }) => watched);
    const isTold = keysOf(watches) === told;
    told = keysOf(watches);
    return { streams: runsOf(streams), ...(!isTold && { say: { kind: "watches", watches } }) };
  }

  yield isKnown ? change() : { streams: runsOf(streams) };
  while (!signal.aborted && !isKnown) {
    const found = await ask(settings, readable, signal);
    if (Array.isArray(found)) {
      streams = streamsOf(settings, found);
      yield change();
    } else if (found !== undefined) yield { streams: runsOf(streams), say: found as BuildSighting };
    await sleep(clock, Array.isArray(found) ? askEvery : askAgainAfter, signal);
  }
}

/** The parts to watch, or the trouble if they cannot be found out. That matters only if namespaces must be asked for. */
async function ask(
  settings: BuildWatchSettings,
  readable: ReadableParts,
  signal: AbortSignal,
): Promise<readonly SourcePart[] | BuildSighting | undefined> {
  const { api, chosen, sources, namespaces, namespacesChange } = settings;
  try {
    const places = await namespaces(signal);
    return chosen.length > 0 ? chosenParts(settings, places) : await discoverParts(api, sources, places, readable, signal);
  } catch (error) {
    if (signal.aborted || !namespacesChange) return undefined;
    const { reason, message } = judge(error, { verb: "list", resource: "namespaces", namespace: undefined });
    return { kind: "trouble", source: "namespaces", namespace: undefined, reason, message, retryIn: askAgainAfter };
  }
}

/** The chosen sources, or the first one until the cluster answers. */
function chosenParts({ sources, chosen }: BuildWatchSettings, namespaces: BuildWatchSettings["named"]): readonly SourcePart[] {
  const wanted = chosen.length > 0 ? sources.filter(({ name }) => chosen.includes(name)) : sources.slice(0, 1);
  return namespaces.flatMap((namespace) => wanted.map((source) => ({ source, namespace })));
}

interface PartStream {
  readonly watched: Watched;
  readonly run: Stream<BuildSighting>;
}

function streamsOf({ watch }: BuildWatchSettings, parts: readonly SourcePart[]): ReadonlyMap<string, PartStream> {
  const streams = parts.map((part): PartStream => ({ watched: watchedOf(part), run: (signal) => watch(part, signal) }));
  return new Map(streams.map((stream) => [watchedKey(stream.watched), stream]));
}

function runsOf(streams: ReadonlyMap<string, PartStream>): ReadonlyMap<string, Stream<BuildSighting>> {
  return new Map([...streams].map(([key, { run }]) => [key, run]));
}

/** The name of a part in its sightings. OpenShift's Builds have none. */
export function watchedOf({ source, namespace }: SourcePart): Watched {
  return { ...(source.name !== "builds" && { source: resourceName(source.resource), what: source.kind }), namespace };
}

function keysOf(watches: readonly Watched[]): string {
  return watches.map(watchedKey).toSorted().join();
}
