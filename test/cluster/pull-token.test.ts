import { describe, expect, it } from "vitest";
import type { OpenShiftApi } from "../../src/demo/openshift-api.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { openTestCluster, token } from "./test-cluster.ts";

const signal = new AbortController().signal;
const account = "system:serviceaccount:bots:puller";
const settings = { pullAccount: "bots/puller" };
const rule = { verbs: ["create"], apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: ["puller"] };

function prepare(api: OpenShiftApi): void {
  api.put("serviceaccounts", { metadata: { namespace: "bots", name: "puller" } });
}

function tokenRequests({ requests }: OpenShiftApi) {
  return requests.filter(({ resource }) => resource === "serviceaccounts/token");
}

describe("the login for the cluster's registry, where an account pulls images", () => {
  it("is a token of that account and not the bot's own, one for many at a time, and another after some minutes", async () => {
    const clock = fakeClock();
    const { api, cluster } = await openTestCluster({ prepare, settings: { ...settings, clock } });
    const logins = await Promise.all([cluster.registryLogin(signal), cluster.registryLogin(signal)]);
    expect(logins).toEqual(Array(2).fill({ user: "serviceaccount", password: `token-1-of-${account}` }));
    expect(JSON.stringify(logins)).not.toContain(token);
    await clock.advance(4 * 60_000);
    expect(await cluster.registryLogin(signal)).toEqual(logins[0]);
    expect(tokenRequests(api)).toHaveLength(1);
    await clock.advance(2 * 60_000);
    expect(await cluster.registryLogin(signal)).toMatchObject({ password: `token-2-of-${account}` });
  });

  it("lies in the bot's own namespace when only its name is given", async () => {
    const { api, cluster } = await openTestCluster({ settings: { pullAccount: "puller" } });
    await expect(cluster.registryLogin(signal)).rejects.toThrow("golang-builder/puller");
    expect(tokenRequests(api).map(({ path }) => path)).toEqual([
      "/api/v1/namespaces/golang-builder/serviceaccounts/puller/token",
    ]);
  });

  it.each([
    ["there is no such account", { api: {} }],
    ["its token may not be had", { api: { rules: [{ ...rule, resourceNames: ["another"] }] }, prepare }],
  ])("fails when %s, names what is missing, and never falls back on the bot's own token", async (_, traits) => {
    const { cluster } = await openTestCluster({ ...traits, settings });
    await expect(cluster.registryLogin(signal)).rejects.toMatchObject({
      reason: "ClusterDenied",
      message: expect.stringMatching(
        /cannot get a token of the service account bots\/puller.*openshift\/rbac\.yaml.*BUILD_WATCHER_PULL_ACCOUNT/,
      ),
    });
  });

  it("comes after a failure that passes", async () => {
    const { api, cluster } = await openTestCluster({ prepare: prepare, api: { rules: [rule] }, settings });
    api.fail("any", { status: 503 });
    await expect(cluster.registryLogin(signal)).resolves.toMatchObject({ password: `token-1-of-${account}` });
  });
});
