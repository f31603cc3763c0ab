import { describe, expect, it } from "vitest";
import { aBuild } from "../../support/fixtures.ts";
import { shopBuilds, shortly, startCluster, type TestCluster } from "../../support/openshift.ts";

const app = `${shopBuilds}/app-1`;
const shopEvents = "/apis/events.k8s.io/v1/namespaces/shop/events";

function patch({ ask }: TestCluster, body: object | string, type = "application/merge-patch+json"): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ask(app, { method: "PATCH", body: text, headers: { "content-type": type } });
}

function post({ ask }: TestCluster, body: object): Promise<Response> {
  return ask(shopEvents, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

function annotations(fields: Readonly<Record<string, string>>): object {
  return { metadata: { annotations: fields } };
}

const anEvent = {
  metadata: { name: "app-1.1", namespace: "shop" },
  eventTime: "2026-01-01T00:00:00.123000Z",
  reportingController: "example.com/controller",
  reportingInstance: "pod-1",
  action: "Submit",
  reason: "Submitted",
  type: "Normal",
  regarding: { kind: "Build", namespace: "shop", name: "app-1" },
};

describe("a build that is patched", () => {
  it("keeps what the patch does not name, loses what it sets to null, and is seen by watches", async () => {
    const cluster = await startCluster();
    cluster.api.put("builds", aBuild({ name: "app-1", annotations: { kept: "1", gone: "1" } }));
    const watch = await cluster.watchFromNow(shopBuilds);
    const response = await patch(cluster, { metadata: { annotations: { gone: null, added: "2" } } });
    expect(response.status).toBe(200);
    const { metadata, status } = (await response.json()) as ReturnType<typeof aBuild>;
    expect(metadata?.annotations).toMatchObject({ kept: "1", added: "2" });
    expect(metadata?.annotations).not.toHaveProperty("gone");
    expect(status?.phase).toBe("Complete");
    expect(shortly(await watch.next())).toBe("MODIFIED app-1");
    watch.close();
  });

  it.each([
    ["another's uid", { metadata: { uid: "other" } }, undefined, 422, "field is immutable"],
    ["another format", {}, "application/json", 415, "application/merge-patch+json"],
    ["text that is no JSON", "{", undefined, 500, "error decoding patch"],
    ["an annotation without a valid name", annotations({ "a b": "1" }), undefined, 422, "name part must consist of"],
    ["annotations of more than 256 KiB", annotations({ a: "x".repeat(262_145) }), undefined, 422, "262144 bytes"],
  ])("with %s is refused", async (_, change, type, status, message) => {
    const cluster = await startCluster();
    cluster.api.put("builds", aBuild({ name: "app-1" }));
    const response = await patch(cluster, change, type);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining(message) });
  });

  it("and is gone is 404", async () => {
    expect((await patch(await startCluster(), {})).status).toBe(404);
  });
});

describe("an Event", () => {
  it("that is posted can be read", async () => {
    const cluster = await startCluster();
    expect((await post(cluster, anEvent)).status).toBe(201);
    expect(await cluster.names(shopEvents)).toEqual(["app-1.1"]);
  });

  it("whose name is taken is 409", async () => {
    const cluster = await startCluster();
    await post(cluster, anEvent);
    expect(await (await post(cluster, anEvent)).json()).toMatchObject({ code: 409, reason: "AlreadyExists" });
  });

  it.each([
    ["a note of 1025 bytes", { note: "x".repeat(1025) }],
    ["no time in microseconds", { eventTime: "2026-01-01T00:00:00Z" }],
    ["a type of its own", { type: "Sad" }],
    ["no controller", { reportingController: undefined }],
    ["a long instance", { reportingInstance: "x".repeat(129) }],
    ["a Build of elsewhere", { regarding: { namespace: "bank" } }],
  ])("with %s is invalid", async (_, wrong) => {
    const response = await post(await startCluster(), { ...anEvent, ...wrong });
    expect(await response.json()).toMatchObject({ code: 422, reason: "Invalid" });
  });
});

describe("a log that is followed", () => {
  it("grows with the build's, and ends with the build", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1", phase: "Running" }));
    api.setBuildLog("shop", "app-1", "one\n");
    const text = (await ask(`${app}/log?follow=true`)).text();
    await api.waitFor(({ openLogs }) => openLogs === 1);
    api.setBuildLog("shop", "app-1", "one\ntwo\n");
    api.put("builds", aBuild({ name: "app-1" }));
    expect(await text).toBe("one\ntwo\n");
    expect(api.openLogs).toBe(0);
  });

  it("can be cut off", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1", phase: "Running" }));
    const text = (await ask(`${app}/log?follow=true`)).text();
    await api.waitFor(({ openLogs }) => openLogs === 1);
    api.closeLogs("reset");
    await expect(text).rejects.toThrow();
  });

  it.each(["POST", "DELETE"])("and other writes are as they were: %s of image streams is not served", async (method) => {
    const { ask } = await startCluster();
    const path = "/apis/image.openshift.io/v1/namespaces/shop/imagestreams/app";
    expect((await ask(path, { method, body: "{}" })).status).toBe(405);
  });
});
