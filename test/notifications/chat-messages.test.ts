import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { chatMessage } from "../../src/notifications/chat-messages.ts";
import { createHttpNotifier } from "../../src/notifications/http-notifier.ts";
import type { Notification } from "../../src/notifications/notifier.ts";
import { startReceiver } from "../support/receiver-server.ts";

const image = `quay.io/shop/app@sha256:${"a".repeat(64)}`;

function eventOf(type: string, data: Notification["data"]): Notification {
  return {
    specversion: "1.0",
    id: "0123456789abcdef",
    source: "/namespaces/shop/builds/app-1",
    type,
    time: "2024-01-01T00:00:00.000Z",
    subject: image,
    datacontenttype: "application/json",
    data: { job: { id: "build-1" }, build: { namespace: "shop", name: "app-1" }, image, ...data },
  };
}

const failed = eventOf("io.build_watcher.job.failed.v1", {
  error: { reason: "ImageNotFound", message: "<!channel> & [x](http://evil) @channel", remedy: "Build it again" },
});

describe("for Slack and Mattermost", () => {
  it("a failure is a text and one attachment, and outside text mentions nobody", () => {
    expect(chatMessage(failed, "slack", "https://bw.example/jobs/build-1")).toEqual({
      text: "Failed: shop/app-1",
      attachments: [
        {
          fallback: expect.stringContaining("Failed: shop/app-1 · Image: quay.io/shop/app"),
          color: "danger",
          title: "Open",
          title_link: "https://bw.example/jobs/build-1",
          fields: [
            { title: "Image", value: image, short: false },
            { title: "Reason", value: "ImageNotFound", short: false },
            { title: "Error", value: "&lt;!channel&gt; &amp; [x](http://evil) @\u200bchannel", short: false },
            { title: "What to do", value: "Build it again", short: false },
          ],
        },
      ],
    });
  });

  it("a submission and an analysis say how they went", () => {
    const submitted = eventOf("io.build_watcher.job.submitted.v1", { analyses: [{ of: "output", id: "a-1" }] });
    expect(chatMessage(submitted, "slack", undefined)).toMatchObject({ text: "Submitted: shop/app-1" });
    const finished = eventOf("io.build_watcher.analysis.finished.v1", { analysis: { of: "output", id: "a-1", state: "failed" } });
    expect(chatMessage(finished, "slack", undefined)).toMatchObject({
      text: "Analysis failed: shop/app-1",
      attachments: [{ color: "danger" }],
    });
  });

  it("an event of another kind shows its type", () => {
    expect(chatMessage(eventOf("io.example.other", {}), "slack", undefined)).toMatchObject({
      text: "io.example.other: shop/app-1",
    });
  });
});

it("for Teams is a message with one Adaptive Card, whose texts know no markup", () => {
  const message = chatMessage(failed, "teams", "https://bw.example/jobs/build-1");
  expect(message).toMatchObject({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: {
          type: "AdaptiveCard",
          version: "1.2",
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          actions: [{ type: "Action.OpenUrl", title: "Open", url: "https://bw.example/jobs/build-1" }],
        },
      },
    ],
  });
  const json = JSON.stringify(message);
  expect(json).toContain('{"type":"TextRun","text":"<!channel> & [x](http://evil) @channel"}');
  expect(json).not.toContain(`"TextBlock"`);
});

it.each(["slack", "teams"] as const)("%s messages go out as JSON, unsigned, with a link to the job", async (format) => {
  const receiver = await startReceiver();
  const notifier = createHttpNotifier({
    urls: [receiver.url],
    secret: undefined,
    format,
    pageUrl: "https://bw.example/",
    allowLocal: true,
    inPod: false,
    clock: systemClock,
  });
  onTestFinished(notifier.close);
  await notifier.deliver(notifier.receivers[0] ?? "", failed, new AbortController().signal);
  const [{ headers, body } = expect.unreachable()] = receiver.received;
  expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(headers).not.toHaveProperty("webhook-signature");
  expect(JSON.parse(body)).toEqual(chatMessage(failed, format, "https://bw.example/jobs/build-1"));
});
