import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWatchDecoder, type WatchBatch } from "../../../src/cluster/watching/watch-events.ts";
import type { Build } from "../../../src/sources/openshift-builds.ts";
import { recordedText, recordedWatch } from "../../support/fixtures.ts";

const line = (event: unknown) => `${JSON.stringify(event)}\n`;
const added = (name: string, resourceVersion: string) => line({ type: "ADDED", object: { metadata: { name, resourceVersion } } });

function decodeAll(bytes: Buffer, cuts: readonly number[]): WatchBatch<Build>[] {
  const decoder = createWatchDecoder((object) => object as Build);
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
  return [...chunks.map((chunk) => decoder.decode(chunk)), decoder.finish()];
}

const names = (batches: readonly WatchBatch<Build>[]) =>
  batches.flatMap(({ objects }) => objects).map(({ metadata }) => metadata?.name);

describe("the bytes of a watch", () => {
  const bytes = Buffer.from(recordedWatch().map(line).join("") + added("größe-日本-🚢", "9999"));

  it("mean the same however they are cut", () => {
    const whole = names(decodeAll(bytes, []));
    expect(whole).toHaveLength(45);
    expect(whole.at(-1)).toBe("größe-日本-🚢");
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        expect(names(decodeAll(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it("survive a cut inside a character", () => {
    const text = Buffer.from(added("ü🚢", "1"));
    for (let cut = 0; cut < text.length; cut++) expect(names(decodeAll(text, [cut]))).toEqual(["ü🚢"]);
  });

  it("give the events of one chunk together, with the last position", () => {
    const batch = createWatchDecoder((object) => object as Build).decode(Buffer.from(added("a", "7") + added("b", "8")));
    expect(batch.objects).toHaveLength(2);
    expect(batch).toMatchObject({ resourceVersion: "8", error: undefined });
  });

  it("give a bookmark's position and no object", () => {
    const batch = createWatchDecoder((object) => object as Build).decode(Buffer.from(recordedText("watch-bookmark.ndjson")));
    expect(batch).toEqual({ objects: [], resourceVersion: "612", error: undefined });
  });

  it("keep what came before an error", () => {
    const batch = createWatchDecoder((object) => object as Build).decode(
      Buffer.from(added("a", "7") + recordedText("watch-410.ndjson") + added("b", "8")),
    );
    expect(names([batch])).toEqual(["a"]);
    expect(batch).toMatchObject({ resourceVersion: "7", error: { fault: "Expired" } });
  });

  it.each([
    ["Gone", { type: "ERROR", object: { kind: "Status", reason: "Gone", code: 410 } }, "Expired"],
    ["an unreadable object", { type: "ERROR", object: { kind: "Status", code: 500, message: "unable to decode" } }, "Broken"],
    ["an error without Status", { type: "ERROR" }, "Broken"],
    ["an event without object", { type: "ADDED", object: null }, "BadData"],
    ["an event without type", { object: {} }, "BadData"],
    ["no object at all", 42, "BadData"],
    ["nothing", null, "BadData"],
  ])("tell of %s", (_, event, fault) => {
    expect(createWatchDecoder((object) => object as Build).decode(Buffer.from(line(event))).error).toMatchObject({ fault });
  });

  it("may have empty lines", () => {
    expect(names(decodeAll(Buffer.from(`\n${added("a", "1")}\r\n\n`), []))).toEqual(["a"]);
  });

  it("may lack the last line break", () => {
    expect(names(decodeAll(Buffer.from(added("a", "1").trimEnd()), [5]))).toEqual(["a"]);
  });

  it("that end within an event say nothing of it", () => {
    const batches = decodeAll(Buffer.from(added("a", "1") + added("b", "2").slice(0, 20)), []);
    expect(names(batches)).toEqual(["a"]);
    expect(batches.at(-1)?.error).toBeUndefined();
  });

  it("may not make up a line without end", () => {
    const decoder = createWatchDecoder((object) => object as Build);
    const chunk = Buffer.alloc(1024 * 1024, "x");
    const batches = Array.from({ length: 9 }, () => decoder.decode(chunk));
    expect(batches.slice(0, 8).every(({ error }) => error === undefined)).toBe(true);
    expect(batches[8]?.error).toMatchObject({ fault: "BadData" });
  });
});
