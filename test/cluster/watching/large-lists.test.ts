import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/cluster/api/api.ts";
import { ApiError } from "../../../src/cluster/api/api-error.ts";
import { readList } from "../../../src/cluster/watching/list-reader.ts";
import { listPages } from "../../../src/cluster/watching/pages.ts";
import { listLargeCluster } from "./large-cluster.ts";

async function* cutInto(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

describe("a list that is read as it comes", () => {
  it("is what JSON says it is, wherever its bytes are cut", async () => {
    const list = fc.record({
      items: fc.array(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }), { maxLength: 4 }),
      metadata: fc.record({ resourceVersion: fc.string(), items: fc.jsonValue() }),
      z: fc.jsonValue(),
    });
    await fc.assert(
      fc.asyncProperty(list, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (value, size, spaced) => {
        const text = JSON.stringify(value, undefined, spaced ? 1 : undefined);
        const read = await readList(cutInto(text, size), (object) => object);
        const parsed = JSON.parse(text);
        expect(read.items).toEqual(parsed.items);
        expect(read.rest).toEqual({ ...parsed, items: [] });
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['{"items":[{"a":1},null]}', [{ a: 1 }]],
    ['{"items":null}', []],
    ["[1]", []],
    ["null", []],
  ])("may be odd: %s", async (text, items) => {
    expect((await readList(cutInto(text, 3), (object) => object)).items).toEqual(items);
  });

  it.each(['{"items":[{"a":1}', '{"items":[{"a":1]', "<html>", ""])("is an error when it is none: %j", async (text) => {
    await expect(readList(cutInto(text, 5), (object) => object)).rejects.toThrow(ApiError);
  });

  it("may have no part without end", async () => {
    const endless = async function* () {
      yield Buffer.from('{"items":[{"a":"');
      for (;;) yield Buffer.alloc(1024 * 1024, "x");
    };
    await expect(readList(endless(), (object) => object)).rejects.toThrow("more than 8388608 bytes");
  });
});

/** An API that has so many objects of a kilobyte, and gives as many of them as it is asked for, or all of them. */
function listing(all: number, keepsLimits: boolean) {
  const limits: unknown[] = [];
  async function* answer(from: number, until: number): AsyncGenerator<Buffer> {
    yield Buffer.from('{"items":[');
    for (let at = from; at < until; at++) yield Buffer.from(`${at > from ? "," : ""}{"at":${at},"x":"${"x".repeat(1_000)}"}`);
    const next = until < all ? `,"continue":"${until}"` : "";
    yield Buffer.from(`],"metadata":{"resourceVersion":"7"${next}}}`);
  }
  const open: Api["open"] = async (_path, query) => {
    limits.push(query.limit);
    const from = Number(query.continue ?? 0);
    const chunks = answer(from, keepsLimits ? Math.min(from + Number(query.limit), all) : all);
    return { chunks, end: () => {} };
  };
  return { api: { open }, limits };
}

it.each([true, false])(
  "of which little may be kept is asked for in smaller pages; the server keeps to limits: %s",
  async (keeps) => {
    const { api, limits } = listing(100, keeps);
    const read = (object: unknown) => (object as { at: number }).at;
    const settings = { api, path: "/x", query: {}, pageSize: 50, silence: 1_000, read, mostBytes: 8_000 };
    const seen: number[] = [];
    for await (const { items } of listPages(settings, new AbortController().signal)) seen.push(...items);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(limits.slice(0, 2)).toEqual([50, 8]);
  },
);

it("passes through a pod of 256 MiB, however large its objects are, in pages that shrink", async () => {
  const { seen, limits } = await listLargeCluster(120, 60);
  expect(seen).toMatchObject({ builds: 120, streams: 60 });
  expect(seen.mebibytes).toBeLessThan(256);
  expect(limits[0]).toBe(500);
  expect(limits.filter((limit) => limit > 20)).toEqual([500, 100]);
});
