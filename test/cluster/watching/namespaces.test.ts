import { describe, expect, it } from "vitest";
import { merge } from "../../../src/cluster/watching/merge.ts";
import { createGate } from "../../../src/core/gate.ts";
import { aBuild } from "../../support/fixtures.ts";
import { openTestCluster, watchBuilds } from "../test-cluster.ts";

const readBuilds = { verbs: ["get", "list", "watch"], apiGroups: ["build.openshift.io"], resources: ["builds"] };
const build = (namespace: string, name = "app-1") => aBuild({ namespace, name });

describe("what is watched", () => {
  it.each([
    [[], ["golang-builder"]],
    [["shop"], ["shop"]],
    [
      ["shop", "mill", "shop"],
      ["shop", "mill"],
    ],
    [["shop", "*"], [undefined]],
  ])("named %j is %j", async (namespaces, watched) => {
    const { cluster } = await openTestCluster({ settings: { namespaces } });
    expect(cluster.namespaces).toEqual(watched);
  });

  it("has one watch for each namespace, told apart", async () => {
    const { api, cluster } = await openTestCluster({ settings: { namespaces: ["shop", "mill"] } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 2);
    for (const namespace of ["shop", "mill", "elsewhere"]) api.put("builds", build(namespace));
    await sightings.until((its) => its.builds().length === 2);
    const seen = sightings.all.flatMap((its) => (its.kind === "builds" ? [its.namespace, its.builds[0]?.build?.namespace] : []));
    expect(seen.toSorted()).toEqual(["mill", "mill", "shop", "shop"]);
  });

  it("has a single watch for the whole cluster", async () => {
    const { api, cluster } = await openTestCluster({ settings: { namespaces: ["*"] } });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    for (const namespace of ["shop", "mill"]) api.put("builds", build(namespace));
    await sightings.until((its) => its.builds().length === 2);
    expect(api.requests.map(({ path }) => path)).toEqual(Array(2).fill("/apis/build.openshift.io/v1/builds"));
    expect(new Set(sightings.all.map((its) => (its.kind === "watches" ? undefined : its.namespace)))).toEqual(
      new Set([undefined]),
    );
  });

  it("may be hundreds of namespaces, listed a few at a time", async () => {
    const namespaces = Array.from({ length: 200 }, (_, index) => `team-${index}`);
    const { api, cluster } = await openTestCluster({ settings: { namespaces } });
    for (const namespace of namespaces) api.put("builds", build(namespace));
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 200);
    await sightings.until((its) => its.count("synced") === 200);
    expect(sightings.builds()).toHaveLength(200);
  });
});

describe("a missing permission", () => {
  it("is told with the command that grants it, and heals; other namespaces go on meanwhile", async () => {
    const rules = [{ ...readBuilds, namespaces: ["shop"] }];
    const { api, cluster } = await openTestCluster({ api: { rules }, settings: { namespaces: ["shop", "mill"] } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]).toMatchObject({ reason: "Forbidden", namespace: "mill" });
    expect(sightings.troubles()[0]?.message).toMatch(
      /developer cannot list builds in namespace mill, or there is no such namespace\. Grant it: oc policy add-role-to-user view developer -n mill$/,
    );
    api.put("builds", build("shop"));
    await sightings.until((its) => its.builds().length === 1);
    api.setRules([readBuilds]);
    api.put("builds", build("mill"));
    await sightings.until((its) => its.builds().length === 2);
  });

  it("is looked at again slowly", async () => {
    const { cluster } = await openTestCluster({ api: { rules: [] } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]?.retryIn).toBeGreaterThanOrEqual(40);
  });

  it("for watching alone names the verb, and keeps the list", async () => {
    const { api, cluster } = await openTestCluster({ api: { rules: [{ ...readBuilds, verbs: ["list"] }] } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 1);
    expect(sightings.troubles()[0]?.message).toContain("cannot watch builds");
    expect(api.requests.filter(({ query }) => !query.watch)).toHaveLength(1);
  });

  it("for the whole cluster asks for a cluster role", async () => {
    const { cluster } = await openTestCluster({ api: { rules: [] }, settings: { namespaces: ["*"] } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]?.message).toContain("oc adm policy add-cluster-role-to-user view developer");
  });
});

it.each([
  ["a cluster without builds", 404, "404 page not found\n", "NotServed", "OpenShift cluster"],
  ["a wrong label selector", 400, { kind: "Status", message: "unable to parse requirement" }, "Unavailable", "LABEL_SELECTOR"],
  ["an API that is down", 503, "service unavailable", "Unavailable", "oc get clusteroperators"],
])("%s is told as such", async (_, status, body, reason, advice) => {
  const { api, cluster } = await openTestCluster();
  api.fail("list", { status, body });
  const sightings = watchBuilds(cluster);
  await sightings.until((its) => its.troubles().length > 0);
  expect(sightings.troubles()[0]).toMatchObject({ reason, message: expect.stringContaining(advice) });
});

describe("streams put into one", () => {
  const never = new AbortController().signal;

  it("run ahead of a slow consumer by one item each", async () => {
    const made = [0, 0];
    const sources = made.map(
      (_, index) =>
        async function* () {
          for (; made[index] !== undefined && made[index] < 100; made[index] += 1) yield index;
        },
    );
    let taken = 0;
    for await (const _ of merge(sources, never)) {
      taken += 1;
      await new Promise(setImmediate);
      expect((made[0] ?? 0) + (made[1] ?? 0)).toBeLessThanOrEqual(taken);
    }
    expect(taken).toBe(200);
  });

  it("let one of them fail loudly, and end the others", async () => {
    const ended: string[] = [];
    const patient = async function* () {
      try {
        for (;;) yield 1;
      } finally {
        ended.push("patient");
      }
    };
    // biome-ignore lint/correctness/useYield: it fails before it has anything to say
    const failing = async function* (): AsyncGenerator<number> {
      throw new Error("broken");
    };
    await expect(async () => {
      for await (const _ of merge([patient, failing], never));
    }).rejects.toThrow("broken");
    expect(ended).toEqual(["patient"]);
  });
});

describe("a gate", () => {
  it("lets a few in at once, and forgets who gave up waiting", async () => {
    const gate = createGate(1);
    const order: string[] = [];
    const leave = await gate.enter(new AbortController().signal);
    const impatient = new AbortController();
    const gaveUp = gate.enter(impatient.signal);
    const waiting = gate.enter(new AbortController().signal).then((next) => {
      order.push("waiting");
      next();
    });
    impatient.abort(new Error("gave up"));
    await expect(gaveUp).rejects.toThrow("gave up");
    order.push("leaving");
    leave();
    await waiting;
    expect(order).toEqual(["leaving", "waiting"]);
  });
});
