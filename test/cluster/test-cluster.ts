import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openCluster, type WritableCluster } from "../../src/app/opening/open-cluster.ts";
import type { BuildSighting, Cluster } from "../../src/cluster/cluster.ts";
import type { ClusterSettings } from "../../src/cluster/settings.ts";
import type { WatchPace } from "../../src/cluster/watching/cursor.ts";
import { createOpenShiftApi, type OpenShiftApi, type OpenShiftApiOptions } from "../../src/demo/openshift-api.ts";
import { aBuild } from "../support/fixtures.ts";
import { type KubeconfigTraits, type TemporaryKubeconfig, writeKubeconfig } from "../support/kubeconfig.ts";

export const token = "sha256~of-the-developer";

/** Short pauses, and no watch is too short. */
export const fastPace: WatchPace = {
  backoff: { initial: 10, cap: 40 },
  soundAfter: 60_000,
  shortest: 0,
  relistEvery: 24 * 60 * 60_000,
};

export interface TestCluster {
  readonly api: OpenShiftApi;
  readonly cluster: WritableCluster;
  readonly kubeconfig: TemporaryKubeconfig;
}

export interface TestClusterTraits {
  readonly api?: OpenShiftApiOptions;
  readonly settings?: Partial<ClusterSettings>;
  /** Called before the cluster is opened, when the server listens already. */
  readonly prepare?: (api: OpenShiftApi) => void;
}

/** An emulated API server and the door to it, with a kubeconfig in between; all is closed when the test has finished. */
export async function openTestCluster({ api: apiOptions, settings, prepare }: TestClusterTraits = {}): Promise<TestCluster> {
  const api = createOpenShiftApi({ tokens: { [token]: "developer" }, ...apiOptions });
  await api.listen();
  onTestFinished(() => api.close());
  prepare?.(api);
  const kubeconfig = await writeKubeconfig({ server: api.url, token });
  onTestFinished(() => kubeconfig.remove());
  const cluster = await openCluster({
    namespaces: [],
    verifyTls: true,
    watchTimeout: 60_000,
    environment: kubeconfig.environment,
    pace: fastPace,
    sources: ["builds"],
    ...settings,
  });
  onTestFinished(() => cluster.close());
  return { api, cluster, kubeconfig };
}

export interface Sightings {
  readonly all: readonly BuildSighting[];
  /** `name phase` of every build in the order of sight. */
  builds(): string[];
  troubles(): Extract<BuildSighting, { kind: "trouble" }>[];
  count(kind: BuildSighting["kind"]): number;
  until(condition: (sightings: Sightings) => boolean): Promise<void>;
  /** Ends the watch; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Watches until the test has finished, and keeps what was seen. */
export function watchBuilds(cluster: Cluster): Sightings {
  const stop = new AbortController();
  const all: BuildSighting[] = [];
  let seen = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const sighting of cluster.watchBuilds(stop.signal)) {
      all.push(sighting);
      seen.resolve();
      seen = Promise.withResolvers();
    }
  })();
  const sightings: Sightings = {
    all,
    builds: () =>
      all.flatMap((sighting) =>
        sighting.kind === "builds" ? sighting.builds.map(({ build, phase }) => `${build?.name} ${phase}`) : [],
      ),
    troubles: () => all.filter((sighting) => sighting.kind === "trouble"),
    count: (kind) => all.filter((sighting) => sighting.kind === kind).length,
    async until(condition) {
      while (!condition(sightings)) await seen.promise;
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
  onTestFinished(() => sightings.stop());
  return sightings;
}

const signal = new AbortController().signal;

/** An API server with a build and an image stream, and no door to it yet. */
export async function startApi(options?: OpenShiftApiOptions): Promise<OpenShiftApi> {
  const api = createOpenShiftApi({ tokens: { [token]: "developer" }, ...options });
  await api.listen();
  onTestFinished(() => api.close());
  api.put("builds", aBuild({ namespace: "golang-builder", name: "app-1" }));
  api.put("imagestreams", { metadata: { namespace: "golang-builder", name: "app" }, status: {} });
  return api;
}

export async function open(settings: Partial<ClusterSettings>): Promise<Cluster> {
  const usual = { namespaces: [], sources: ["builds"], verifyTls: true, watchTimeout: 60_000, environment: {}, pace: fastPace };
  const cluster = await openCluster({ ...usual, ...settings });
  onTestFinished(() => cluster.close());
  return cluster;
}

export async function openWith(traits: KubeconfigTraits, settings: Partial<ClusterSettings> = {}) {
  const file = await writeKubeconfig(traits);
  onTestFinished(() => file.remove());
  return { file, cluster: await open({ environment: file.environment, ...settings }) };
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cluster-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** One request, and the names of what it found. */
export async function streams(cluster: Cluster): Promise<string[]> {
  const names: string[] = [];
  for await (const { stream } of cluster.listImages(signal)) names.push(stream);
  return names;
}
