import { describe, expect, it } from "vitest";
import type { BuildEvent } from "../../src/cluster/announcer.ts";
import { aBuild } from "../support/fixtures.ts";
import { openTestCluster, type TestClusterTraits, token } from "./test-cluster.ts";

const signal = new AbortController().signal;
const key = { namespace: "shop", name: "app-1", uid: "uid-1" };
const own = "build-watcher.thoth-station.ninja";

async function openWithBuild(traits: TestClusterTraits = {}) {
  const opened = await openTestCluster(traits);
  const annotations = { theirs: "1", [`${own}/reason`]: "RateLimited", [`${own}/skip`]: "false" };
  opened.api.put("builds", aBuild({ ...key, annotations }));
  return { ...opened, announcer: opened.cluster.announcer };
}

const anEvent: BuildEvent = {
  type: "Warning",
  reason: "SubmissionFailed",
  action: "Submit",
  note: "ImageNotFound: gone",
  at: Date.UTC(2026, 0, 1, 12, 0, 0, 7),
  occasion: "failed 1",
};

describe("annotating a Build", () => {
  it("sets and removes the bot's own annotations alone", async () => {
    const { api, announcer } = await openWithBuild();
    await announcer.annotate(key, { state: "submitted", reason: undefined }, signal);
    const { metadata } = api.get("builds", "shop", "app-1") as ReturnType<typeof aBuild>;
    expect(metadata?.annotations).toMatchObject({ theirs: "1", [`${own}/skip`]: "false", [`${own}/state`]: "submitted" });
    expect(metadata?.annotations).not.toHaveProperty(`${own}/reason`);
  });

  it("is at peace with a Build that is gone, or has only the name", async () => {
    const { api, announcer } = await openWithBuild();
    await announcer.annotate({ ...key, uid: "another" }, { state: "failed" }, signal);
    await announcer.annotate({ ...key, name: "pruned-1" }, { state: "failed" }, signal);
    expect(api.requests.map(({ status }) => status)).toEqual([422, 404]);
    expect(JSON.stringify(api.get("builds", "shop", "app-1"))).not.toContain(`${own}/state`);
  });

  it.each([
    ["conflicts", { status: 409 }],
    ["an outage", { status: 503 }],
    ["a reset", "reset"],
  ] as const)("goes on after %s", async (_, fault) => {
    const { api, announcer } = await openWithBuild();
    api.fail("write", fault, 2);
    await announcer.annotate(key, { state: "submitted" }, signal);
    expect(api.requests).toHaveLength(3);
    expect(JSON.stringify(api.get("builds", "shop", "app-1"))).toContain(`"${own}/state":"submitted"`);
  });

  it("gives up after a few attempts", async () => {
    const { api, announcer } = await openWithBuild();
    api.fail("write", { status: 503 }, Number.POSITIVE_INFINITY);
    await expect(announcer.annotate(key, {}, signal)).rejects.toThrow("The OpenShift API cannot serve builds");
    expect(api.requests).toHaveLength(4);
  });

  it.each([
    [
      "system:serviceaccount:bots:build-watcher",
      "oc process --local -f openshift/rbac-writing.yaml -p NAMESPACE=bots -p THOTH_WATCHED_NAMESPACE=shop | oc apply -f -",
    ],
    [
      "developer",
      "oc create role build-watcher-patch-builds --verb=patch --resource=builds.build.openshift.io -n shop && oc policy add-role-to-user build-watcher-patch-builds developer -n shop --role-namespace=shop",
    ],
  ])("without the right tells how %s gets it", async (user, command) => {
    const { announcer } = await openWithBuild({ api: { tokens: { [token]: user }, rules: [] } });
    await expect(announcer.annotate(key, {}, signal)).rejects.toThrow(
      `${user} cannot patch builds in namespace shop, or there is no such namespace. Grant it: ${command}`,
    );
  });
});

describe("an Event about a Build", () => {
  async function events(url: string): Promise<readonly Record<string, unknown>[]> {
    const response = await fetch(`${url}/apis/events.k8s.io/v1/namespaces/shop/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await response.json()) as { items: readonly Record<string, unknown>[] }).items;
  }

  it("is what events.k8s.io/v1 asks for", async () => {
    const { api, announcer } = await openWithBuild();
    await announcer.event(key, anEvent, signal);
    const [event] = await events(api.url);
    expect(event).toMatchObject({
      metadata: { namespace: "shop", name: expect.stringMatching(/^app-1\.[0-9a-f]{16}$/) },
      eventTime: "2026-01-01T12:00:00.007000Z",
      reportingController: "build-watcher.thoth-station.ninja/controller",
      reportingInstance: expect.stringMatching(/./),
      action: "Submit",
      reason: "SubmissionFailed",
      type: "Warning",
      note: "ImageNotFound: gone",
      regarding: { apiVersion: "build.openshift.io/v1", kind: "Build", ...key },
    });
  });

  it("is cut to what the API takes, in whole characters", async () => {
    const { api, announcer } = await openWithBuild();
    const name = "n".repeat(253);
    await announcer.event({ ...key, name }, { ...anEvent, note: "ä𝒳".repeat(1000) }, signal);
    const [event] = await events(api.url);
    expect(String(event?.note)).toMatch(/^(ä𝒳)+ä?…$/u);
    expect(Buffer.byteLength(String(event?.note))).toBeGreaterThan(1015);
    expect(event?.metadata).toMatchObject({ name: expect.stringMatching(/^n{200}\.[0-9a-f]{16}$/) });
  });

  it("is told once however often it is told", async () => {
    const { api, announcer } = await openWithBuild();
    for (const _ of [1, 2]) await announcer.event(key, anEvent, signal);
    await announcer.event(key, { ...anEvent, occasion: "failed 2" }, signal);
    expect(await events(api.url)).toHaveLength(2);
  });

  it("is given up with the signal", async () => {
    const { api, announcer } = await openWithBuild();
    api.fail("write", "hang");
    const stop = new AbortController();
    const telling = announcer.event(key, anEvent, stop.signal);
    await api.waitFor(({ requests }) => requests.length === 1);
    stop.abort(new Error("the bot stops"));
    await expect(telling).rejects.toThrow("the bot stops");
  });
});
