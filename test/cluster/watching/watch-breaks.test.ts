import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/cluster/api/api.ts";
import { ApiError } from "../../../src/cluster/api/api-error.ts";
import { createOutage } from "../../../src/cluster/watching/outage.ts";
import { follow } from "../../../src/cluster/watching/watch.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { createGate } from "../../../src/core/gate.ts";
import type { OpenShiftApi, RecordedRequest } from "../../../src/demo/openshift-api.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { aBuild, recordedBuilds } from "../../support/fixtures.ts";
import { fastPace, openTestCluster, type Sightings, watchBuilds } from "../test-cluster.ts";

const namespace = "golang-builder";
const build = (name: string, phase = "Complete") => aBuild({ namespace, name, phase });
const listed = (sightings: Sightings) => sightings.count("synced");
const lists = (requests: readonly RecordedRequest[]) => requests.filter(({ query }) => !query.watch);
const watches = (requests: readonly RecordedRequest[]) => requests.filter(({ query }) => query.watch);

function putRecordedBuilds(api: OpenShiftApi): void {
  for (const item of recordedBuilds()) api.put("builds", item);
}

describe("a watch that breaks", () => {
  it.each(["clean", "reset"] as const)(
    "goes on where it stood after a %s end, missing nothing and listing nothing",
    async (how) => {
      const { api, cluster } = await openTestCluster();
      const sightings = watchBuilds(cluster);
      await api.waitFor(() => api.openWatches === 1);
      api.put("builds", build("before-1"));
      await sightings.until((its) => its.builds().length === 1);
      api.closeWatches(how);
      api.put("builds", build("meanwhile-1"));
      api.remove("builds", namespace, "meanwhile-1");
      await sightings.until((its) => its.builds().length === 3);
      expect(sightings.builds()).toEqual(["before-1 Complete", "meanwhile-1 Complete", "meanwhile-1 Complete"]);
      expect(listed(sightings)).toBe(1);
      expect(sightings.troubles()).toHaveLength(how === "reset" ? 1 : 0);
    },
  );

  it("notices a connection that is only half there by its silence", async () => {
    const { api, cluster } = await openTestCluster({ settings: { watchTimeout: 150 } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.closeWatches("silent");
    api.put("builds", build("unheard-1"));
    await sightings.until((its) => its.builds().length === 1);
    expect(listed(sightings)).toBe(1);
    expect(sightings.troubles()).toEqual([]);
  });

  it.each([
    ["in the stream", (api: OpenShiftApi) => void api.closeWatches("expired")],
    [
      "by HTTP",
      (api: OpenShiftApi) => {
        api.fail("watch", { status: 410 });
        api.closeWatches("clean");
      },
    ],
  ])("lists again at once when its place is too old, told %s", async (_, expire) => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", build("known-1"));
    await sightings.until((its) => its.builds().length === 1);
    expire(api);
    await sightings.until((its) => listed(its) === 2);
    expect(sightings.troubles()).toMatchObject([{ reason: "Expired", retryIn: 0 }]);
    api.put("builds", build("later-1"));
    await sightings.until((its) => its.builds().includes("later-1 Complete"));
  });

  it("lists again when everything it knew was compacted while it was away", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.fail("watch", { status: 500 }, 2);
    api.closeWatches("reset");
    api.put("builds", build("meanwhile-1"));
    api.expire();
    await sightings.until((its) => its.builds().includes("meanwhile-1 Complete") && its.count("synced") === 2);
  });

  it("goes on with what is left when a list expires between two pages", async () => {
    const { api, cluster } = await openTestCluster({
      settings: { pageSize: 4 },
      prepare: putRecordedBuilds,
    });
    const stop = new AbortController();
    const seen = new Set<string | undefined>();
    let pages = 0;
    for await (const sighting of cluster.watchBuilds(stop.signal)) {
      if (sighting.kind === "builds") {
        if (++pages === 1) api.expire();
        for (const { build } of sighting.builds) seen.add(build?.name);
      }
      if (sighting.kind === "synced") break;
    }
    expect(seen.size).toBe(10);
    expect(lists(api.requests).map(({ status }) => status)).toEqual([200, 410, 200, 200]);
  });

  it("starts a list over in one piece when an expired one cannot go on", async () => {
    const { api, cluster } = await openTestCluster({
      settings: { pageSize: 4 },
      prepare: putRecordedBuilds,
    });
    const stop = new AbortController();
    let pages = 0;
    for await (const sighting of cluster.watchBuilds(stop.signal)) {
      if (sighting.kind === "builds" && ++pages === 1) api.fail("list", { status: 410 });
      if (sighting.kind === "synced") break;
    }
    expect(pages).toBe(2);
    expect(lists(api.requests).at(-1)?.query).not.toHaveProperty("limit");
  });

  it("lists again when a restored cluster is behind the place it remembers", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    const details = { causes: [{ reason: "ResourceVersionTooLarge" }] };
    const message = "Timeout: Too large resource version: 99, current: 5";
    api.fail("watch", { status: 504, body: { kind: "Status", code: 504, reason: "Timeout", message, details } });
    api.closeWatches("clean");
    await sightings.until((its) => listed(its) === 2);
    expect(sightings.troubles()).toMatchObject([{ reason: "Expired" }]);
  });

  it("takes a watch that ends as soon as it opens for a failure, and does not hammer the server", async () => {
    const { api, cluster } = await openTestCluster({ settings: { pace: { ...fastPace, shortest: 10_000 } } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.closeWatches("clean");
    await sightings.until((its) => listed(its) === 2);
    const [trouble] = sightings.troubles();
    expect(trouble).toMatchObject({ reason: "Unavailable" });
    expect(trouble?.retryIn).toBeGreaterThan(0);
  });

  it("reports a garbage line once, lists again and goes on", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.closeWatches("garbage");
    await sightings.until((its) => listed(its) === 2);
    api.put("builds", build("later-1"));
    await sightings.until((its) => its.builds().includes("later-1 Complete"));
    expect(sightings.troubles()).toMatchObject([{ reason: "BadData" }]);
  });

  it("steps over an event that the server can never send", async () => {
    const { api, cluster } = await openTestCluster();
    api.fail("watch", { status: 200, body: "no event at all\n" }, 2);
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length === 1);
    api.put("builds", build("later-1"));
    await api.waitFor(() => api.openWatches === 1);
    const [first, second, third] = watches(api.requests).map(({ query }) => Number(query.resourceVersion));
    expect(second).toBe(first);
    expect(third).toBeGreaterThan(second ?? 0);
    expect(sightings.builds()).toContain("later-1 Complete");
  });

  it("outlives errors of every sort, with growing pauses", async () => {
    const { api, cluster } = await openTestCluster({ settings: { requestTimeout: 500 } });
    api.fail("list", { status: 500, body: "<html>Internal error</html>" }, 2);
    api.fail("list", "reset");
    api.fail("list", "hang");
    api.fail("list", "hang-body");
    api.fail("list", { status: 200, body: "<html>Please log in</html>" });
    api.put("builds", build("app-1"));
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.builds().length === 1);
    expect(sightings.troubles().map(({ reason }) => reason)).toEqual([...Array(5).fill("Unavailable"), "BadData"]);
    const [first, second, third] = sightings.troubles();
    expect(first?.retryIn).toBeLessThanOrEqual(10);
    expect(second?.retryIn).toBeLessThanOrEqual(20);
    expect(third?.retryIn).toBeGreaterThanOrEqual(20);
  });

  it("waits as long as the server asks", async () => {
    const { api, cluster } = await openTestCluster();
    api.fail("list", { status: 429, headers: { "retry-after": "1" } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length === 1);
    expect(sightings.troubles()[0]?.retryIn).toBe(1000);
  });

  it("starts its pauses anew after a sound connection", async () => {
    const { api, cluster } = await openTestCluster();
    api.fail("list", { status: 503 }, 3);
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", build("app-1"));
    await sightings.until((its) => its.builds().length === 1);
    api.closeWatches("reset");
    await sightings.until((its) => its.troubles().length === 4);
    expect(sightings.troubles()[3]?.retryIn).toBeLessThanOrEqual(10);
  });
});

describe("a watch that is open and brings nothing", () => {
  const deaf = (sightings: Sightings) => sightings.troubles().filter(({ message }) => message.includes("not even a bookmark"));
  const patient = { watchTimeout: 100 };

  it("is told once, while lists find the builds, and is good again when it delivers", async () => {
    const { api, cluster } = await openTestCluster({ settings: patient });
    api.fail("watch", "hang-body", Number.POSITIVE_INFINITY);
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => listed(its) === 1);
    api.put("builds", build("held-back-1"));
    await sightings.until((its) => its.builds().includes("held-back-1 Complete"));
    await sightings.until((its) => listed(its) === 4);
    expect(sightings.troubles()).toMatchObject([
      { reason: "Unavailable", message: expect.stringContaining("hold the stream back") },
    ]);
    const alive = sightings.count("alive");
    expect(alive).toBe(2);
    api.heal();
    await api.waitFor(() => api.openWatches === 1);
    expect(sightings.count("alive")).toBe(alive);
    api.bookmark();
    await sightings.until((its) => its.count("alive") > alive);
    expect(deaf(sightings)).toHaveLength(1);
  });

  it("is told as well when single bytes keep it open", async () => {
    let time = 0;
    const clock: Clock = { now: () => time, schedule: (_, run) => clearImmediate.bind(undefined, setImmediate(run)) };
    const list = Buffer.from('{"items":[],"metadata":{"resourceVersion":"7"}}');
    async function* drip(): AsyncGenerator<Buffer> {
      for (; ; time += 1_000) yield Buffer.from(time % 2_000 === 0 ? " " : "\n");
    }
    async function* whole(): AsyncGenerator<Buffer> {
      yield list;
    }
    const open: Api["open"] = async (_, { watch }) => ({ chunks: watch ? drip() : whole(), end: () => {} });
    const settings = {
      api: { open, patience: 30_000 } as Api,
      path: "/builds",
      resource: "builds",
      namespace,
      read: (object: unknown) => object,
      labelSelector: undefined,
      clock,
      pageSize: 10,
      watchTimeout: 300_000,
      pace: fastPace,
      listing: createGate(1),
      outage: createOutage(async () => {}, clock),
    };
    const signal = new AbortController();
    for await (const sighting of follow(settings, signal.signal)) {
      if (sighting.kind !== "trouble") continue;
      expect(sighting.message).toContain("not even a bookmark");
      signal.abort();
    }
    expect(time).toBeGreaterThanOrEqual(600_000);
  });

  it("is told anew when it had delivered in between", async () => {
    const { api, cluster } = await openTestCluster({ settings: patient });
    api.fail("watch", "hang-body", 2);
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", build("heard-1"));
    await sightings.until((its) => its.all.some((one) => one.kind === "builds" && !one.listed));
    api.fail("watch", "hang-body", Number.POSITIVE_INFINITY);
    await sightings.until((its) => deaf(its).length === 2);
  });

  it("is listed with pauses", async () => {
    const pace = { ...fastPace, soundAfter: 0, backoff: { initial: 300, cap: 300 } };
    const { api, cluster } = await openTestCluster({ settings: { watchTimeout: 20, pace } });
    api.fail("watch", "hang-body", Number.POSITIVE_INFINITY);
    const sightings = watchBuilds(cluster);
    const times: number[] = [];
    for (let count = 1; count <= 3; count++) {
      await sightings.until((its) => listed(its) === count);
      times.push(Date.now());
    }
    const [first = 0, second = 0, third = 0] = times;
    expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(140);
  });

  it("is none where the server ends its watches in order", async () => {
    const { api, cluster } = await openTestCluster({ settings: { watchTimeout: 60_000 } });
    const sightings = watchBuilds(cluster);
    for (let count = 1; count < 6; count++) {
      await api.waitFor(() => watches(api.requests).length === count && api.openWatches === 1);
      api.closeWatches("clean");
    }
    await sightings.until((its) => its.count("alive") === 6);
    expect(listed(sightings)).toBe(1);
    expect(sightings.troubles()).toEqual([]);
  });
});

describe("an API server that comes back", () => {
  it("is heard again in seconds: what it refuses while it starts is no person's matter, and what it forgot is listed at once", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.put("builds", build("known-1"));
    await sightings.until((its) => its.builds().length === 1);
    const starting = api.restart();
    api.put("builds", build("meanwhile-1"));
    await sightings.until((its) => its.troubles().length >= 4);
    starting.ready();
    await sightings.until((its) => its.builds().includes("meanwhile-1 Complete"));
    const reasons = sightings.troubles().map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["Unavailable", "Expired"]));
    const expired = sightings.troubles().filter(({ reason }) => reason === "Expired");
    expect(expired.map(({ retryIn }) => retryIn)).toEqual([0]);
  });

  it("counts what it refuses for longer as a missing right", async () => {
    const { api, cluster } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.setRules([]);
    api.closeWatches("clean");
    await sightings.until((its) => its.troubles().some(({ reason }) => reason === "Forbidden"));
    expect(sightings.troubles().findIndex(({ reason }) => reason === "Forbidden")).toBe(8);
  });
});

describe("an outage", () => {
  it("ends for all who wait as soon as one question is answered", async () => {
    const clock = fakeClock();
    let isBack = false;
    let asked = 0;
    const outage = createOutage(async () => {
      asked += 1;
      if (!isBack) throw new ApiError("Unreachable", "refused");
      throw new ApiError("Forbidden", "who are you", { status: 403 });
    }, clock);
    const ended: number[] = [];
    const { signal } = new AbortController();
    for (let one = 0; one < 3; one++) void outage.wait(30_000, signal).then(() => ended.push(clock.now()));
    const start = clock.now();
    await clock.advance(9_000);
    expect([ended, asked]).toEqual([[], 4]);
    isBack = true;
    await clock.advance(3_000);
    expect(ended).toHaveLength(3);
    expect(Math.max(...ended) - start).toBeLessThanOrEqual(10_500);
    await clock.advance(60_000);
    expect(asked).toBe(5);
  });
});
