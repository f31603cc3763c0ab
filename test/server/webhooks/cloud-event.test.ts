import { describe, expect, it } from "vitest";
import { formatImageReference } from "../../../src/core/images/image-reference.ts";
import { isCloudEvent, readCloudEvent } from "../../../src/server/webhooks/cloud-event.ts";
import { createImageFilter } from "../../../src/server/webhooks/image-filter.ts";
import { digest } from "./payloads.ts";

const pinned = `quay.io/shop/app@${digest}`;
const readAll = (event: unknown, headers = {}) => readCloudEvent(headers, event);
const read = (event: unknown, headers = {}) => readAll(event, headers).images.map(formatImageReference).join();

describe("the image of a CloudEvent", () => {
  it.each([
    ["as a text", { data: { image: pinned } }, pinned],
    ["as a text, whatever the subject is", { subject: "shop/app-1", data: { image: pinned } }, pinned],
    ["as a copy", { data: { image: { source: "a.example.com/b:c", destination: "quay.io/shop/app", digest } } }, pinned],
    ["as a source", { data: { image: { source: "quay.io/shop/app", digest } } }, pinned],
    ["as the subject", { subject: pinned, data: {} }, pinned],
    ["as the subject, without data", { subject: pinned }, pinned],
    ["by tag", { subject: "quay.io/shop/app:1" }, "quay.io/shop/app:1"],
  ])("is found %s", (_, event, expected) => {
    expect(read({ specversion: "1.0", ...event })).toBe(expected);
  });

  it("is found in binary mode, with the subject decoded", () => {
    expect(read({ image: pinned }, { "ce-specversion": "1.0" })).toBe(pinned);
    expect(read({}, { "ce-specversion": "1.0", "ce-subject": encodeURIComponent(pinned) })).toBe(pinned);
    expect(readAll({}, { "ce-specversion": "1.0", "ce-subject": "%zz" })).toMatchObject({ images: [], ignored: 1 });
  });

  it.each([
    [{ data: { image: pinned } }, /specversion/],
    [{ specversion: "0.3", subject: pinned }, /specversion/],
    [null, /specversion/],
  ])("%j is refused", (event, words) => {
    expect(() => read(event)).toThrow(words);
  });

  it.each([
    [{ specversion: "1.0" }, /names no image/],
    [{ specversion: "1.0", subject: "", data: { image: {} } }, /names no image/],
    [{ specversion: "1.0", subject: "Not An Image" }, /not valid/],
  ])("%j is taken with a note", (event, words) => {
    expect(readAll(event)).toEqual({ images: [], ignored: 1, notes: [expect.stringMatching(words)] });
  });
});

describe("a request with a CloudEvent", () => {
  it.each([
    [{ "content-type": "application/cloudevents+json; charset=utf-8" }, true],
    [{ "content-type": "application/json", "ce-specversion": "1.0" }, true],
    [{ "content-type": "application/json" }, false],
    [{ "content-type": "application/cloudevents-batch+json" }, false],
    [{}, false],
  ])("is told by its headers %j: %s", (headers, expected) => {
    expect(isCloudEvent(headers)).toBe(expected);
  });
});

describe("the filter of images", () => {
  const image = { registry: "quay.io", repository: "shop/app.v2" };
  it.each([
    [[], true],
    [["quay.io/shop/*"], true],
    [["Quay.IO/shop/*"], true],
    [["*/app.v2"], true],
    [["docker.io/*", "quay.io/shop/app.v2"], true],
    [["quay.io/shop"], false],
    [["quay.io/shop/appxv2"], false],
    [["shop/*"], false],
  ])("%j: %s", (patterns, expected) => {
    expect(createImageFilter(patterns)(image)).toBe(expected);
  });
});
