import { describe, expect, it } from "vitest";
import type { OpenShiftApi, RecordedRequest } from "../../../src/demo/openshift-api.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { aBuild, recordedBuilds } from "../../support/fixtures.ts";
import { fastPace, openTestCluster, type Sightings, watchBuilds } from "../test-cluster.ts";

const namespace = "golang-builder";
const build = (name: string, phase = "Complete") => aBuild({ namespace, name, phase });
const listed = (sightings: Sightings) => sightings.count("synced");
const watches = (requests: readonly RecordedRequest[]) => requests.filter(({ query }) => query.watch);

function putRecordedBuilds(api: OpenShiftApi): void {
  for (const item of recordedBuilds()) api.put("builds", item);
}

describe("a watch on its way", () => {
  it("lists page by page and then watches from where the list stood", async () => {
    const { api, cluster } = await openTestCluster({
      settings: { pageSize: 4 },
      prepare: putRecordedBuilds,
    });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    await sightings.until((its) => its.count("alive") === 1);
    expect(sightings.all.map(({ kind }) => kind)).toEqual(["watches", "builds", "builds", "builds", "synced", "alive"]);
    expect(sightings.builds()).toHaveLength(10);
    const [watch] = watches(api.requests);
    expect(watch?.query).toMatchObject({ allowWatchBookmarks: "true", resourceVersion: expect.stringMatching(/^\d+$/) });
    expect(Number(watch?.query.timeoutSeconds)).toBeGreaterThanOrEqual(300);
    expect(Number(watch?.query.timeoutSeconds)).toBeLessThanOrEqual(600);
  });

  it("tells when the list began, so that what it does not show can be taken for gone", async () => {
    const before = Date.now();
    const { cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => listed(its) === 1);
    const synced = sightings.all.find((sighting) => sighting.kind === "synced");
    expect(synced).toMatchObject({ namespace, startedAt: expect.any(Number) });
    expect(synced?.kind === "synced" && synced.startedAt >= before && synced.startedAt <= Date.now()).toBe(true);
  });

  it("passes on a build's changes and the last state of a deleted one", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", build("app-1", "Running"));
    api.put("builds", build("app-1"));
    api.remove("builds", namespace, "app-1");
    await sightings.until((its) => its.builds().length === 3);
    expect(sightings.builds()).toEqual(["app-1 Running", "app-1 Complete", "app-1 Complete"]);
  });

  it("takes a bookmark as a sign of life and goes on from it", async () => {
    const { api, cluster } = await openTestCluster({ settings: { namespaces: [namespace] } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", aBuild({ namespace: "elsewhere", name: "other-1" }));
    api.bookmark();
    await sightings.until((its) => its.count("alive") === 2);
    api.closeWatches("clean");
    await api.waitFor(() => watches(api.requests).length === 2);
    const [first, second] = watches(api.requests);
    expect(Number(second?.query.resourceVersion)).toBeGreaterThan(Number(first?.query.resourceVersion));
  });

  it("asks only for builds with the wanted labels", async () => {
    const { api, cluster } = await openTestCluster({ settings: { selectors: { builds: "team in (a,b)" } } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", aBuild({ namespace, name: "unwanted-1" }));
    api.put("builds", aBuild({ namespace, name: "wanted-1", labels: { team: "b" } }));
    await sightings.until((its) => its.builds().length > 0);
    expect(sightings.builds()).toEqual(["wanted-1 Complete"]);
  });

  it("passes on an object that is no Build, and a Build without status", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", { metadata: { namespace, name: "bare-1" }, spec: "none" });
    await sightings.until((its) => its.builds().length === 1);
    expect(sightings.builds()).toEqual(["bare-1 New"]);
    expect(sightings.troubles()).toEqual([]);
  });

  it("lists again after a day without letting go of its place", async () => {
    const { api, cluster } = await openTestCluster({ settings: { pace: { ...fastPace, relistEvery: 1 } } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.closeWatches("clean");
    await sightings.until((its) => listed(its) === 2);
    await api.waitFor(() => watches(api.requests).length === 2);
    const [first, second] = watches(api.requests);
    expect(second?.query.resourceVersion).toBe(first?.query.resourceVersion);
    expect(sightings.troubles()).toEqual([]);
  });

  it("is kept by bookmarks while nothing happens", async () => {
    const clock = fakeClock();
    const { api, cluster } = await openTestCluster({ settings: { watchTimeout: 1000, clock } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.count("alive") === 1);
    for (let count = 2; count < 8; count++) {
      await clock.advance(900);
      api.bookmark();
      await sightings.until((its) => its.count("alive") === count);
    }
    expect(watches(api.requests)).toHaveLength(1);
    await clock.advance(1000);
    await api.waitFor(() => watches(api.requests).length === 2);
  });
});
