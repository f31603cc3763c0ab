import { request } from "node:http";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatImageReference } from "../../../src/core/images/image-reference.ts";
import { createSignatureCheck } from "../../../src/notifications/signature.ts";
import { openServer } from "../../../src/server/server.ts";
import type { TakenImage, WebhookSettings } from "../../../src/server/webhooks/webhook-settings.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { digest, distributionEvent, harborPush, quayPush } from "./payloads.ts";

const secret = "a-secret-of-some-length";
const bearer = { authorization: `Bearer ${secret}` };
const json = { "content-type": "application/json" };
const pushed = { events: [distributionEvent()] };

async function serve(settings: Partial<WebhookSettings> = {}, answer: TakenImage = "new") {
  const metrics = createMetrics({ ofProcess: false });
  const taken: string[] = [];
  const take = async (image: Parameters<WebhookSettings["take"]>[0]) => {
    taken.push(formatImageReference(image));
    return answer;
  };
  const notes: string[] = [];
  const note = (words: string) => void notes.push(words);
  const usual = { secret, isSigned: createSignatureCheck(secret), isWanted: () => true, take, note, metrics };
  const health = { liveness: () => ({ ok: true }) as const, readiness: () => ({ ok: true }) as const };
  const server = await openServer({ host: "127.0.0.1", port: 0, health, metrics, webhooks: { ...usual, ...settings } });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const call = async (path: string, body: unknown, headers: Record<string, string>, method = "POST") => {
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${server.url}/webhooks/${path}`, { method, headers, ...(method === "POST" && { body: sent }) });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    url: server.url,
    taken,
    notes,
    call,
    counted: async () => (await metrics.text()).match(/^build_watcher_webhook.* [1-9]$/gm),
  };
}

/** Headers that look like a signature's. */
function signedHeaders(): Record<string, string> {
  return { "webhook-id": "x", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": "v1,x" };
}

describe("the registry hook", () => {
  it.each([
    ["distribution", pushed, `registry.example.com:5000/shop/app@${digest}`],
    ["Harbor", harborPush(), `hub.harbor.example.com/test-webhook/debian@${digest}`],
    ["Quay", quayPush("1"), "quay.io/mynamespace/repository:1"],
  ])("takes what %s sends", async (_, body, image) => {
    const { call, taken, counted } = await serve();
    expect(await call("registry", body, { ...json, ...bearer })).toMatchObject({
      status: 202,
      body: { new: 1, known: 0, busy: 0, ignored: 0 },
    });
    expect(taken).toEqual([image]);
    expect(await counted()).toEqual([
      'build_watcher_webhook_requests_total{hook="registry",code="202"} 1',
      'build_watcher_webhook_images_total{hook="registry",result="new"} 1',
    ]);
  });

  it.each([
    ["as Bearer", bearer, ""],
    ["alone, as Harbor sends it", { authorization: secret }, ""],
    ["in the URL, as Quay must", {}, `?token=${secret}`],
  ])("takes the secret %s", async (_, headers, query) => {
    const { call } = await serve();
    expect((await call(`registry${query}`, pushed, { ...json, ...headers })).status).toBe(202);
  });

  it("takes docker-registry's own content type", async () => {
    const { call } = await serve();
    const type = { "content-type": "application/vnd.docker.distribution.events.v1+json" };
    expect((await call("registry", pushed, { ...type, ...bearer })).status).toBe(202);
  });

  it("leaves out what is not wanted, and counts it", async () => {
    const { call, taken, counted } = await serve({ isWanted: ({ registry }) => registry !== "registry.example.com:5000" });
    const events = [distributionEvent(), distributionEvent({ host: "other.example.com" }), distributionEvent({ action: "pull" })];
    expect((await call("registry", { events }, { ...json, ...bearer })).body).toEqual({ new: 1, known: 0, busy: 0, ignored: 2 });
    expect(taken).toEqual([`other.example.com/shop/app@${digest}`]);
    expect(await counted()).toContain('build_watcher_webhook_images_total{hook="registry",result="ignored"} 2');
  });

  it("takes an image whose job runs just now, and says so", async () => {
    const { call } = await serve({}, "busy");
    const { status, body } = await call("registry", quayPush("1"), { ...json, ...bearer });
    expect([status, body]).toEqual([202, { new: 0, known: 0, busy: 1, ignored: 0 }]);
  });

  it.each([
    ["a message", { docker_url: "quay.io/a/b", message: "hello" }],
    ["a build", { docker_url: "quay.io/a/b", build_id: "1", trigger_kind: "github" }],
    ["a vulnerability", { docker_url: "quay.io/a/b", vulnerability: { id: "CVE-1" } }],
    ["a push whose names cannot be", { docker_url: "quay/UPPER", updated_tags: ["1"] }],
  ])("is content with %s of Quay, which gives up after three refusals", async (_, body) => {
    const { call, taken } = await serve();
    const answer = await call("registry", body, { ...json, ...bearer });
    expect([answer.status, answer.body.ignored, taken]).toEqual([202, 1, []]);
  });

  it.each([
    ["distribution", { events: [distributionEvent({ repository: "UPPER" }), distributionEvent()] }, 1],
    ["distribution, with a host that no name can begin with", { events: [distributionEvent({ host: "registry" })] }, 0],
    ["Azure", distributionEvent({ repository: "UPPER" }), 0],
    ["Harbor", harborPush({ resource_url: "harbor/UPPER:1" }), 0],
    ["Quay", { docker_url: "quay/UPPER", updated_tags: ["1"] }, 0],
    ["Docker Hub", { push_data: { tag: "1" }, repository: { repo_name: "UPPER/x" } }, 0],
  ])("is content with names of %s that cannot be used, and notes them", async (_, body, good) => {
    const { call, taken, notes } = await serve();
    const answer = await call("registry", body, { ...json, ...bearer });
    expect(answer).toMatchObject({ status: 202, body: { new: good, ignored: 1, notes } });
    expect(taken).toHaveLength(good);
    expect(notes).toEqual([expect.stringMatching(/not valid|cannot be the registry/)]);
  });

  it("answers callers with the secret while others send as many slow bodies as they can", { timeout: 60_000 }, async () => {
    const { url, call } = await serve();
    const held = Array.from({ length: 30 }, () => {
      const headers = { ...json, "content-length": "1000", ...signedHeaders() };
      const sending = request(`${url}/webhooks/cloudevents`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/cloudevents+json" },
      });
      sending.on("error", () => undefined);
      sending.write("{");
      onTestFinished(() => void sending.destroy());
      return sending;
    });
    expect((await call("registry", pushed, { ...json, ...bearer })).status).toBe(202);
    expect(held.some(({ destroyed }) => destroyed)).toBe(false);
  });

  it.each<[string, string, Record<string, string>, number, RegExp]>([
    ["GET", "registry", json, 405, /POST/],
    ["DELETE", "registry", { ...json, ...bearer }, 405, /POST/],
    ["POST", "registry", { "content-type": "text/plain", ...bearer }, 415, /content type/],
    ["POST", "registry", json, 401, /BUILD_WATCHER_WEBHOOK_SECRET/],
    ["POST", "registry", { ...json, authorization: "Bearer nope" }, 401, /BUILD_WATCHER_WEBHOOK_SECRET/],
    ["POST", "registry?token=nope", json, 401, /BUILD_WATCHER_WEBHOOK_SECRET/],
    ["POST", "registry?token=a&token=b", json, 401, /BUILD_WATCHER_WEBHOOK_SECRET/],
  ])("answers %s %s with %j by %i", async (method, path, headers, status, words) => {
    const { call, taken, counted } = await serve();
    const answer = await call(path, pushed, headers, method);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(words);
    expect(taken).toEqual([]);
    expect(await counted()).toEqual([`build_watcher_webhook_requests_total{hook="registry",code="${status}"} 1`]);
  });

  it.each([
    ["{", 400, /no JSON/],
    ["", 400, /no JSON/],
    ["[]", 422, /distribution, .*Harbor or Quay/],
    ["x".repeat(1024 * 1024 + 1), 413, /1048576 bytes/],
  ])("answers the body %.20s by %i", async (body, status, words) => {
    const { call, taken } = await serve();
    const answer = await call("registry", body, { ...json, ...bearer });
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(words);
    expect(taken).toEqual([]);
  });

  it("does not read on when a body without length grows too large", async () => {
    const { url } = await serve();
    const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const sending = request(`${url}/webhooks/registry`, { method: "POST", headers: { ...json, ...bearer } }, async (response) =>
        resolve({ status: response.statusCode, body: await text(response) }),
      );
      sending.on("error", reject);
      for (let sent = 0; sent < 20; sent += 1) sending.write("x".repeat(64 * 1024));
      sending.end();
    });
    expect(answer.status).toBe(413);
  });

  it("is refused to everybody without a secret in the settings, an empty one included", async () => {
    const { call } = await serve({ secret: undefined });
    for (const authorization of ["", "Bearer ", "Bearer undefined"]) {
      const answer = await call("registry", pushed, { ...json, authorization });
      expect(answer.status).toBe(403);
      expect(answer.body.error).toMatch(/set BUILD_WATCHER_WEBHOOK_SECRET/);
    }
  });
});

describe("the CloudEvents hook", () => {
  const structured = { "content-type": "application/cloudevents+json" };
  const event = JSON.stringify({
    specversion: "1.0",
    id: "1",
    source: "/x",
    type: "y",
    data: { image: `quay.io/shop/app@${digest}` },
  });

  function signed(body: string, { key = secret, at = new Date(), id = "msg-1" } = {}): Record<string, string> {
    const signature = new Webhook(key, { format: "raw" }).sign(id, at, body);
    return { "webhook-id": id, "webhook-timestamp": String(Math.floor(at.getTime() / 1000)), "webhook-signature": signature };
  }

  it("takes a signed event", async () => {
    const { call, taken } = await serve();
    expect((await call("cloudevents", event, { ...structured, ...signed(event) })).status).toBe(202);
    expect(taken).toEqual([`quay.io/shop/app@${digest}`]);
  });

  it("takes one that comes again only once, and says that it is known", async () => {
    const { call, taken } = await serve();
    const headers = { ...structured, ...signed(event) };
    await call("cloudevents", event, headers);
    expect(await call("cloudevents", event, headers)).toMatchObject({ status: 202, body: { new: 0, known: 1 } });
    expect(taken).toHaveLength(1);
    await call("cloudevents", event, { ...structured, ...signed(event, { id: "msg-2" }) });
    expect(taken).toHaveLength(2);
  });

  it("takes one in binary mode", async () => {
    const { call, taken } = await serve();
    const body = JSON.stringify({ image: "quay.io/shop/app:1" });
    const headers = { ...json, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "y" };
    expect((await call("cloudevents", body, { ...headers, ...signed(body) })).status).toBe(202);
    expect(taken).toEqual(["quay.io/shop/app:1"]);
  });

  it("takes a signature by a whsec_ secret, also the second of two", async () => {
    const key = `whsec_${Buffer.alloc(24, "s").toString("base64")}`;
    const { call } = await serve({ isSigned: createSignatureCheck(key) });
    const at = new Date();
    const right = new Webhook(key).sign("m", at, event);
    const headers = { "webhook-id": "m", "webhook-timestamp": String(Math.floor(at.getTime() / 1000)) };
    const both = { ...headers, "webhook-signature": `v1,AAAA ${right}` };
    expect((await call("cloudevents", event, { ...structured, ...both })).status).toBe(202);
  });

  it.each([
    ["not signed", {}],
    ["signed by another", signed(event, { key: "another-secret" })],
    ["signed over something else", signed(`${event} `)],
    ["signed long ago", signed(event, { at: new Date(Date.now() - 301_000) })],
    ["signed by the bearer's secret in a header", bearer],
  ])("refuses one %s", async (_, headers) => {
    const { call, taken } = await serve();
    const answer = await call("cloudevents", event, { ...structured, ...headers });
    expect(answer.status).toBe(401);
    expect(answer.body.error).toMatch(/signature/);
    expect(taken).toEqual([]);
  });

  it.each([
    ["application/json", event, 415],
    ["application/cloudevents-batch+json", `[${event}]`, 415],
    ["application/cloudevents+json", "{", 400],
    ["application/cloudevents+json", "{}", 422],
  ])("answers a signed %s %.30s by %i", async (type, body, status) => {
    const { call } = await serve();
    expect((await call("cloudevents", body, { "content-type": type, ...signed(body) })).status).toBe(status);
  });
});
