import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { ApiError } from "../../../src/cluster/api/api-error.ts";
import { readList } from "../../../src/cluster/watching/list-reader.ts";
import { aBuild } from "../../support/fixtures.ts";
import { temporaryDirectory } from "../test-cluster.ts";

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

/** An API server with 500 Builds and 200 image streams of 1 MB each. */
async function startLargeCluster(): Promise<{ readonly url: string; readonly limits: readonly number[] }> {
  const dockerfile = "RUN echo of a large inline Dockerfile\\n".repeat(27_600);
  const { metadata, spec, status } = aBuild({ namespace: "shop", name: "app-1" });
  const large = (name: string) =>
    JSON.stringify({ metadata: { ...metadata, name, uid: name }, spec: { ...spec, source: { dockerfile } }, status });
  const limits: number[] = [];
  const server: Server = createServer(async ({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://cluster");
    if (searchParams.has("watch")) return response.writeHead(200).flushHeaders();
    const all = pathname.endsWith("/builds") ? 500 : 200;
    const limit = Number(searchParams.get("limit"));
    const from = Number(searchParams.get("continue") ?? 0);
    const until = Math.min(from + limit, all);
    limits.push(limit);
    response.write('{"kind":"List","items":[');
    for (let index = from; index < until; index++) {
      const more = response.write(`${index > from ? "," : ""}${large(`app-${index}`)}`);
      if (!more) await new Promise((resolve) => response.once("drain", resolve));
    }
    const next = until < all ? `,"continue":"${until}"` : "";
    response.end(`],"metadata":{"resourceVersion":"7"${next}}}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, limits };
}

it("passes through a pod of 256 MiB, however large its objects are, in pages that shrink", { timeout: 120_000 }, async () => {
  const { url, limits } = await startLargeCluster();
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "token"), "t");
  const child = "test/cluster/watching/list-child.ts";
  const { stdout } = await promisify(execFile)(process.execPath, [child, url, directory]);
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({ builds: 500, streams: 200 });
  expect(seen.mebibytes).toBeLessThan(230);
  expect(limits[0]).toBe(500);
  expect(limits.filter((limit) => limit > 20)).toEqual([500, 100]);
});
