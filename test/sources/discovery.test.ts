import { describe, expect, it } from "vitest";
import { ApiError } from "../../src/cluster/api/api-error.ts";
import { watchedKey } from "../../src/cluster/cluster.ts";
import { forbidden, forbiddenPath, pageNotFound } from "../../src/demo/openshift/requests/api-status.ts";
import { discoverParts } from "../../src/sources/discovery.ts";
import { knownSources } from "../../src/sources/index.ts";
import { openTestCluster, type Sightings, watchBuilds } from "../cluster/test-cluster.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { aBuild } from "../support/fixtures.ts";
import { aRun } from "../support/runs.ts";

const all = { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] };

function watched(sightings: Sightings): readonly string[] {
  const told = sightings.all.findLast(({ kind }) => kind === "watches");
  return told?.kind === "watches" ? told.watches.map(watchedKey) : [];
}

describe("what is watched", () => {
  it("is what the cluster has: a build of each kind is seen, each as what it is", async () => {
    const { api, cluster } = await openTestCluster({
      api: { installed: ["shipwright.io", "tekton.dev", "kpack.io"] },
      settings: { sources: [], namespaces: ["shop"] },
    });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => watched(its).length === 5);
    api.put("builds", aBuild({ namespace: "shop", name: "app-1" }));
    api.put("buildruns", aRun("BuildRun"));
    api.put("taskruns", aRun("TaskRun"));
    api.put("builds.kpack.io", aRun("KpackBuild"));
    api.put(
      "pipelineruns",
      aRun("PipelineRun", ({ metadata }) => void Object.assign(metadata, { namespace: "shop" })),
    );
    await sightings.until((its) => its.builds().length === 5);
    const seen = sightings.all.flatMap((its) =>
      its.kind === "builds" ? its.builds.map(({ build }) => build?.kind ?? "Build") : [],
    );
    expect(seen.toSorted()).toEqual(["Build", "BuildRun", "KpackBuild", "PipelineRun", "TaskRun"]);
  });

  it("grows when an operator is installed meanwhile, and says so", async () => {
    const { api, cluster } = await openTestCluster({ settings: { sources: [], namespaces: ["shop"], askEvery: 20 } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.count("synced") === 1 && watched(its).join() === "builds shop");
    api.install("shipwright.io");
    api.put("buildruns", aRun("BuildRun"));
    await sightings.until((its) => its.builds().length === 1);
    expect(watched(sightings)).toEqual(["builds shop", "buildruns shop"]);
  });

  it("is looked up every ten minutes: what was installed or removed meanwhile is found then, not before", async () => {
    const clock = fakeClock();
    const settings = { sources: [], namespaces: ["shop"], clock, watchTimeout: 10 ** 9 };
    const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings });
    const sightings = watchBuilds(cluster);
    const questions = () => api.requests.filter(({ path }) => path === "/apis/tekton.dev/v1").length;
    const asked = (times: number) => expect.poll(questions).toBe(times * 2);
    await sightings.until((its) => watched(its).length === 3 && its.count("synced") === 3);
    await asked(1);
    api.install("kpack.io");
    await clock.advance(10 * 60_000 - 1);
    await asked(1);
    await clock.advance(1);
    await sightings.until((its) => watched(its).includes("builds.kpack.io shop"));
    await asked(2);
    api.uninstall("kpack.io");
    await sightings.until((its) => its.troubles().some(({ source }) => source === "builds.kpack.io"));
    await clock.advance(10 * 60_000);
    // For half a minute it can be that the server has just started.
    await expect.poll(() => clock.advance(10_000).then(() => watched(sightings))).not.toContain("builds.kpack.io shop");
    expect(watched(sightings)).toEqual(["builds shop", "pipelineruns shop", "taskruns shop"]);
  });

  it.each([
    ["404 in plain text", { status: 404, body: pageNotFound }],
    ["403", { status: 403, body: forbidden("developer", { verb: "get", group: "tekton.dev", resource: "taskruns" }) }],
    ["403 as nobody", { status: 403, body: forbiddenPath("system:anonymous", "/apis/tekton.dev/v1") }],
  ])("stays when the question meets a server that has just started: %s", async (_, refusal) => {
    const clock = fakeClock();
    const settings = { sources: [], namespaces: ["shop"], clock, watchTimeout: 10 ** 9 };
    const { api, cluster } = await openTestCluster({ api: { installed: ["tekton.dev"] }, settings });
    const sightings = watchBuilds(cluster);
    const answers = () => api.requests.filter(({ path }) => path === "/apis/tekton.dev/v1").map(({ status }) => status);
    await sightings.until((its) => watched(its).length === 3 && its.count("synced") === 3);
    await clock.advance(10 * 60_000 - 1);
    api.restart();
    api.heal();
    api.fail("any", refusal, Number.POSITIVE_INFINITY);
    await clock.advance(1);
    await expect.poll(() => answers().at(-1)).toBe(refusal.status);
    api.heal();
    await expect.poll(() => clock.advance(10_000).then(() => answers().at(-1))).toBe(200);
    expect(sightings.count("watches")).toBe(1);
  });

  it("leaves out a build system of which the cluster has only an older version, or only other kinds", async () => {
    const served: Readonly<Record<string, readonly string[]>> = {
      "/apis/build.openshift.io/v1": ["builds"],
      "/apis/tekton.dev/v1beta1": ["pipelineruns", "taskruns"],
      "/apis/kpack.io/v1alpha2": ["images"],
    };
    const api = {
      async getJson(path: string) {
        if (!served[path]) throw new ApiError("NotServed", "404 page not found", { status: 404 });
        return { resources: served[path].map((name) => ({ name })) };
      },
    };
    const parts = await discoverParts(api as never, knownSources, ["shop"], new Set(), new AbortController().signal);
    expect(parts.map(({ source }) => source.kind)).toEqual(["Build"]);
  });

  it("is left out where the bot cannot list it, as long as it may list something", async () => {
    const rules = [
      { ...all, apiGroups: ["shipwright.io"], namespaces: ["shop"] },
      { ...all, apiGroups: ["build.openshift.io"], namespaces: ["mill"] },
    ];
    const { cluster } = await openTestCluster({
      api: { installed: ["shipwright.io", "tekton.dev"], rules },
      settings: { sources: [], namespaces: ["shop", "mill", "bank"] },
    });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => watched(its).length > 0);
    expect(watched(sightings)).toEqual(["buildruns shop", "builds mill", "builds bank"]);
  });

  it("still is what the bot lost the right to list, and says how to grant it, until it has it again", async () => {
    const clock = fakeClock();
    const settings = { sources: [], namespaces: ["shop"], clock, watchTimeout: 10 ** 9 };
    const { api, cluster } = await openTestCluster({ api: { installed: ["shipwright.io"], rules: [all] }, settings });
    const sightings = watchBuilds(cluster);
    const both = ["builds shop", "buildruns shop"];
    await sightings.until((its) => watched(its).join() === both.join() && its.count("synced") === 2);
    api.setRules([{ ...all, apiGroups: ["build.openshift.io", "authorization.k8s.io"] }]);
    const questions = () => api.requests.filter(({ path }) => path === "/apis/shipwright.io/v1beta1").length;
    await clock.advance(10 * 60_000);
    await expect.poll(questions).toBe(2);
    api.closeWatches("clean");
    await expect
      .poll(async () => {
        await clock.advance(60_000);
        return sightings.troubles().some(({ source, reason }) => source === "buildruns" && reason === "Forbidden");
      })
      .toBe(true);
    expect(watched(sightings)).toEqual(both);
    api.setRules([all]);
    api.put("buildruns", aRun("BuildRun"));
    await expect
      .poll(async () => {
        await clock.advance(60_000);
        return sightings.builds().length;
      })
      .toBe(1);
  });

  it("is what was chosen, whatever there is", async () => {
    const { api, cluster } = await openTestCluster({ settings: { sources: ["tekton"], namespaces: ["shop"] } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length >= 2);
    expect(new Set(sightings.troubles().map(({ reason }) => reason))).toEqual(new Set(["NotServed"]));
    api.install("tekton.dev");
    api.put("taskruns", aRun("TaskRun"));
    await sightings.until((its) => its.builds().length === 1);
  });

  it("is seen though it is deleted as soon as it has ended", async () => {
    const { api, cluster } = await openTestCluster({
      api: { installed: ["tekton.dev"] },
      settings: { sources: ["tekton"], namespaces: ["shop"] },
    });
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 2);
    api.put("taskruns", aRun("TaskRun"));
    api.remove("taskruns", "shop", "buildah-cart-r9f4c");
    await sightings.until((its) => its.builds().length === 2);
    const outcomes = sightings.all.flatMap((its) => (its.kind === "builds" ? its.builds : []));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["succeeded", "succeeded"]);
  });
});

describe("namespaces by their labels", () => {
  const namespace = (name: string, labels: Readonly<Record<string, string>>) => ({ metadata: { name, labels } });

  it("are looked up again and again; those that are gone are left, excluded ones never watched", async () => {
    const { api, cluster } = await openTestCluster({
      settings: { namespaceSelector: "watch=yes", namespaceExclude: ["openshift-*"], askEvery: 20 },
      prepare: (its) => {
        for (const name of ["shop", "openshift-infra"]) its.put("namespaces", namespace(name, { watch: "yes" }));
        its.put("namespaces", namespace("bank", {}));
      },
    });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => watched(its).join() === "builds shop");
    api.put("namespaces", namespace("bank", { watch: "yes" }));
    await sightings.until((its) => watched(its).join() === "builds bank,builds shop");
    api.remove("namespaces", "", "shop");
    await sightings.until((its) => watched(its).join() === "builds bank");
    api.put("builds", aBuild({ namespace: "bank", name: "app-1" }));
    api.put("builds", aBuild({ namespace: "shop", name: "app-1" }));
    await sightings.until((its) => its.builds().length === 1);
  });

  it("are a trouble where they may not be listed", async () => {
    const { cluster } = await openTestCluster({ api: { rules: [] }, settings: { namespaceSelector: "watch=yes" } });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]).toMatchObject({ source: "namespaces", reason: "Forbidden" });
  });

  it("are left out of the whole cluster by their names", async () => {
    const { api, cluster } = await openTestCluster({
      settings: { namespaces: ["*"], namespaceExclude: ["openshift-*", "kube-*"] },
    });
    const sightings = watchBuilds(cluster);
    for (const name of ["shop", "openshift-infra", "kube-system"]) api.put("builds", aBuild({ namespace: name, name: "app-1" }));
    await sightings.until((its) => its.builds().length === 3);
    const kinds = sightings.all.flatMap((its) =>
      its.kind === "builds" ? its.builds.map(({ kind, build }) => `${build?.namespace} ${kind}`) : [],
    );
    expect(kinds.toSorted()).toEqual(["kube-system ignored", "openshift-infra ignored", "shop succeeded"]);
  });
});
