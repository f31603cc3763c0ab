import { Webhook } from "standardwebhooks";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createHttpNotifier, type NotifierSettings } from "../../src/notifications/http-notifier.ts";
import type { Notification } from "../../src/notifications/notifier.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { startHttpServer } from "../support/http-server.ts";
import { type ReceiverServer, startReceiver } from "../support/receiver-server.ts";

const secret = `whsec_${Buffer.alloc(32, "k").toString("base64")}`;
const never = new AbortController().signal;
const event: Notification = {
  specversion: "1.0",
  id: "0123456789abcdef",
  source: "/namespaces/shop/builds/app-1",
  type: "io.build_watcher.job.submitted.v1",
  time: "2024-01-01T00:00:00.000Z",
  subject: "quay.io/shop/äpp",
  datacontenttype: "application/json",
  data: { job: { id: "build-1" } },
};

function notifierFor(receiver: Pick<ReceiverServer, "url">, settings: Partial<NotifierSettings> = {}) {
  const usual = { urls: [`${receiver.url}/hook/T0K3N?key=K3Y`], secret, allowLocal: false, inPod: false, random: () => 1 };
  const notifier = createHttpNotifier({ ...usual, clock: systemClock, ...settings });
  onTestFinished(notifier.close);
  const [id = ""] = notifier.receivers;
  return { notifier, id, deliver: (signal = never) => notifier.deliver(id, event, signal) };
}

describe("a delivered notification", () => {
  it("is a structured CloudEvent, signed over what was sent", async () => {
    const receiver = await startReceiver();
    expect(await notifierFor(receiver).deliver()).toEqual({ status: 204 });
    const [{ path, headers, body } = expect.unreachable()] = receiver.received;
    expect(path).toBe("/hook/T0K3N?key=K3Y");
    expect(headers).toMatchObject({ "content-type": "application/cloudevents+json; charset=utf-8", "webhook-id": event.id });
    expect(JSON.parse(body)).toEqual(event);
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(event);
    expect(() => new Webhook(secret).verify(body.replace("app-1", "app-2"), headers as Record<string, string>)).toThrow();
  });

  it("is not signed without a secret", async () => {
    const receiver = await startReceiver();
    await notifierFor(receiver, { secret: undefined }).deliver();
    expect(receiver.received[0]?.headers).not.toHaveProperty("webhook-signature");
    expect(receiver.received[0]?.headers).toHaveProperty("webhook-timestamp");
  });

  it("keeps its id when it is sent again, and has a timestamp of its own", async () => {
    const receiver = await startReceiver((number) => ({ status: number === 1 ? 500 : 200 }));
    const clock = fakeClock();
    const { deliver } = notifierFor(receiver, { clock });
    await expect(deliver()).rejects.toThrow();
    await clock.advance(60_000);
    await deliver();
    const sent = receiver.received.map(({ headers }) => [headers["webhook-id"], headers["webhook-timestamp"]]);
    const start = Date.UTC(2024, 0, 1) / 1000;
    expect(sent).toEqual([
      [event.id, String(start)],
      [event.id, String(start + 60)],
    ]);
  });
});

describe("a receiver that fails", () => {
  it.each([
    [301, "redirects (301)"],
    [307, "redirects (307)"],
    [400, "answered 400"],
    [401, "answered 401"],
    [500, "answered 500"],
  ])("with %i gets it again later, and what is told of it holds no token", async (status, words) => {
    const other = await startReceiver();
    const receiver = await startReceiver(() => ({ status, headers: { location: other.url } }));
    const { deliver } = notifierFor(receiver);
    const error = await deliver().catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ reason: "NotificationFailed", retryable: true, pauses: false });
    expect(String(error)).toContain(`${receiver.url} ${words}`);
    expect(String(error)).not.toMatch(/T0K3N|K3Y/);
    expect(other.received).toEqual([]);
  });

  it("is left in peace for longer and longer, and at once well again after a success", async () => {
    const receiver = await startReceiver((number) => ({ status: number <= 2 ? 503 : 200 }));
    const clock = fakeClock();
    const { deliver } = notifierFor(receiver, { clock });
    await expect(deliver()).rejects.toMatchObject({ retryAfter: 5_000 });
    await expect(deliver()).rejects.toThrow("is not asked again yet");
    expect(receiver.received).toHaveLength(1);
    await clock.advance(5_000);
    await expect(deliver()).rejects.toMatchObject({ retryAfter: 10_000 });
    await clock.advance(10_000);
    await deliver();
    await deliver();
    expect(receiver.received).toHaveLength(4);
  });

  it.each([
    ["600", 600_000],
    ["31536000", 3_600_000],
    [new Date(Date.now() + 365 * 86_400_000).toUTCString(), 3_600_000],
  ])("is left in peace for as long as it asks, up to an hour: %s", async (asked, retryAfter) => {
    const receiver = await startReceiver(() => ({ status: 429, headers: { "retry-after": asked } }));
    await expect(notifierFor(receiver).deliver()).rejects.toMatchObject({ retryAfter });
  });

  it.each([200, 500])("with an answer of %i that never ends is not listened to", async (status) => {
    const left = Promise.withResolvers<void>();
    await using server = await startHttpServer(async (request, response) => {
      response.once("close", left.resolve).writeHead(status);
      for await (const _ of request);
      while (!response.destroyed) {
        response.write(Buffer.alloc(1024 * 1024, "x"));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const answer = await notifierFor(server)
      .deliver()
      .catch((error: Error) => error.message);
    expect(answer).toEqual(status === 200 ? { status } : `${server.url} answered 500`);
    await left.promise;
  });

  it("fails once when several deliveries fail together", async () => {
    const receiver = await startReceiver(() => ({ status: 500 }));
    const { deliver } = notifierFor(receiver, { clock: fakeClock() });
    const errors = await Promise.all([1, 2, 3].map(() => deliver().catch((error: { retryAfter: number }) => error.retryAfter)));
    expect(errors).toEqual([5_000, 5_000, 5_000]);
  });

  it("gets nothing more after it answered 410", async () => {
    const receiver = await startReceiver(() => ({ status: 410 }));
    const { deliver } = notifierFor(receiver);
    await expect(deliver()).rejects.toMatchObject({
      reason: "NotificationRefused",
      retryable: false,
      message: expect.stringContaining("410 Gone"),
    });
    expect(await deliver()).toEqual({ dropped: "gone" });
    expect(receiver.received).toHaveLength(1);
  });

  it("is given up on after 20 seconds without an answer", async () => {
    const receiver = await startReceiver(() => "hang");
    const clock = fakeClock();
    const ended: unknown[] = [];
    const { deliver } = notifierFor(receiver, { clock, onRequest: (request) => ended.push(request) });
    const failing = expect(deliver()).rejects.toThrow("did not answer in time");
    await expect.poll(() => receiver.received).toHaveLength(1);
    await clock.advance(20_000);
    await failing;
    expect(ended).toEqual([{ method: "POST", status: undefined, milliseconds: 20_000 }]);
  });

  it("is given up when the bot stops, without counting as failed", async () => {
    const receiver = await startReceiver((number) => (number === 1 ? "hang" : { status: 200 }));
    const { deliver } = notifierFor(receiver);
    const stop = new AbortController();
    const failing = expect(deliver(stop.signal)).rejects.toBe("stopping");
    await expect.poll(() => receiver.received).toHaveLength(1);
    stop.abort("stopping");
    await failing;
    expect(await deliver()).toEqual({ status: 200 });
  });

  it("that is not there is named by its host alone", async () => {
    const error = await notifierFor({ url: "http://127.0.0.1:1" })
      .deliver()
      .catch((thrown: Error) => thrown.message);
    expect(error).toBe("http://127.0.0.1:1 cannot be reached (ECONNREFUSED)");
  });
});

describe("a receiver that must not be called", () => {
  it.each([
    ["link-local", "http://169.254.169.254", false],
    ["the pod itself", "http://127.0.0.1:8080", true],
    ["the pod itself, by name", "http://localhost:8080", true],
  ])("since it is %s is refused, until that is allowed", async (_, url, inPod) => {
    const error = await notifierFor({ url }, { inPod })
      .deliver()
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ reason: "NotificationRefused", retryable: true });
    expect(String(error)).toContain("BUILD_WATCHER_NOTIFY_ALLOW_LOCAL");
  });

  it("is called when local addresses are allowed", async () => {
    const receiver = await startReceiver();
    expect(await notifierFor(receiver, { inPod: true, allowLocal: true }).deliver()).toEqual({ status: 204 });
  });

  it("gets nothing after its URL was removed from the settings", async () => {
    const { notifier } = notifierFor(await startReceiver());
    expect(await notifier.deliver("somebody-else", event, never)).toEqual({ dropped: "not-configured" });
  });

  it("has an id that stays the same and reveals nothing", async () => {
    const first = notifierFor({ url: "https://hooks.example.com" });
    expect(first.notifier.receivers).toEqual(notifierFor({ url: "https://hooks.example.com" }).notifier.receivers);
    expect(first.id).toMatch(/^[0-9a-f]{16}$/);
  });
});
