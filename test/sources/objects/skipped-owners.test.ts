import { expect, it } from "vitest";
import type { OpenShiftApi } from "../../../src/demo/openshift-api.ts";
import { openTestCluster, type Sightings, watchBuilds } from "../../cluster/test-cluster.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { aRun } from "../../support/runs.ts";

const skip = { "build-watcher.thoth-station.ninja/skip": "true" };
const reading = { verbs: ["get", "list", "watch"], apiGroups: ["shipwright.io"], resources: ["buildruns", "builds"] };

function putBuild(api: OpenShiftApi, annotations: object): void {
  api.put("builds.shipwright.io", { metadata: { namespace: "shop", name: "checkout", annotations } });
}

function putRun(api: OpenShiftApi, number: number): void {
  const identity = { name: `checkout-${number}`, uid: `uid-${number}` };
  api.put(
    "buildruns",
    aRun("BuildRun", ({ metadata }) => void Object.assign(metadata, identity)),
  );
}

async function watch(rules: readonly object[], prepare: (api: OpenShiftApi) => void) {
  const clock = fakeClock();
  const { api, cluster } = await openTestCluster({
    api: { installed: ["shipwright.io"], rules: rules as never },
    settings: { sources: ["shipwright"], namespaces: ["shop"], clock, watchTimeout: 10 ** 9 },
    prepare,
  });
  return { api, clock, sightings: watchBuilds(cluster) };
}

function kinds({ all }: Sightings): readonly string[] {
  return all.flatMap((its) =>
    its.kind === "builds" ? its.builds.map((build) => ("because" in build ? build.because : build.kind)) : [],
  );
}

function lookUps(api: OpenShiftApi): number {
  return api.requests.filter(({ verb, resource }) => verb === "get" && resource === "builds").length;
}

it("a BuildRun is left alone because of its Build, which is asked for once a minute at most", async () => {
  const { api, clock, sightings } = await watch([reading], (its) => {
    putBuild(its, skip);
    for (let number = 0; number < 20; number++) putRun(its, number);
  });
  await sightings.until((its) => its.count("synced") === 1);
  expect(kinds(sightings)).toEqual(Array(20).fill("excluded"));
  expect(lookUps(api)).toBe(1);
  putBuild(api, {});
  clock.set(clock.now() + 60_000);
  putRun(api, 20);
  await sightings.until((its) => its.builds().length === 21);
  expect(kinds(sightings).at(-1)).toBe("succeeded");
  expect(lookUps(api)).toBe(2);
});

it("a BuildRun whose Build is gone, or that was made without one, is followed", async () => {
  const { api, sightings } = await watch([reading], (its) => {
    putRun(its, 1);
    its.put(
      "buildruns",
      aRun("BuildRun", ({ metadata, spec }) => {
        Object.assign(metadata, { labels: {} });
        Object.assign(spec, { build: { spec: {} } });
      }),
    );
  });
  await sightings.until((its) => its.count("synced") === 1);
  expect(kinds(sightings)).toEqual(["succeeded", "succeeded"]);
  expect(lookUps(api)).toBe(1);
  expect(sightings.count("note")).toBe(0);
});

it("without the right to look, builds are followed, and it is noted once how to grant it", async () => {
  const { api, sightings } = await watch([{ ...reading, resources: ["buildruns"] }], (its) => {
    putBuild(its, skip);
    for (let number = 0; number < 3; number++) putRun(its, number);
  });
  await sightings.until((its) => its.count("synced") === 1);
  putRun(api, 4);
  await sightings.until((its) => its.builds().length === 4);
  expect(kinds(sightings)).toEqual(Array(4).fill("succeeded"));
  expect(sightings.troubles()).toEqual([]);
  const notes = sightings.all.filter(({ kind }) => kind === "note");
  expect(notes).toEqual([expect.objectContaining({ source: "buildruns", namespace: "shop" })]);
  expect(JSON.stringify(notes)).toMatch(/cannot get builds.shipwright.io in namespace shop.* Grant it: oc .*skip annotation/);
});
