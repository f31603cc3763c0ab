import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTail } from "../../../src/sources/logs/build-log.ts";
import { openTestCluster } from "../../cluster/test-cluster.ts";
import { aBuild } from "../../support/fixtures.ts";

const signal = new AbortController().signal;
const key = { namespace: "golang-builder", name: "app-1", uid: "1" };
const build = aBuild({ namespace: "golang-builder", name: "app-1" });

async function openWithBuild() {
  const opened = await openTestCluster();
  opened.api.put("builds", build);
  return opened;
}

describe("a build's log", () => {
  it("is read to its end", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, "Cloning…\nPush successful\n");
    expect(await cluster.readBuildLog(key, 1000, signal)).toBe("Cloning…\nPush successful\n");
    expect(api.requests[0]).toMatchObject({ path: expect.stringMatching(/\/builds\/app-1\/log$/), query: { nowait: "true" } });
  });

  it("is cut at its beginning", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, `${"x".repeat(3_000_000)}the end`);
    expect(await cluster.readBuildLog(key, 10, signal)).toBe("xxxthe end");
  });

  it("is none when it is empty", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, "");
    expect(await cluster.readBuildLog(key, 10, signal)).toBeUndefined();
  });

  it.each([
    ["the pod is gone", { status: 400, message: 'pod "app-1-build" not found' }],
    ["the build is gone", { status: 404, message: 'builds.build.openshift.io "app-1" not found' }],
    ["it may not be read", { status: 403, message: "forbidden" }],
  ])("is none when %s, asked once", async (_, log) => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, log);
    expect(await cluster.readBuildLog(key, 10, signal)).toBeUndefined();
    expect(api.requests).toHaveLength(1);
  });

  it.each([{ status: 500 }, "reset", "hang-body"] as const)("is asked for twice when the first answer is %j", async (fault) => {
    const { api, cluster } = await openTestCluster({ settings: { requestTimeout: 500, logTimeout: 500 } });
    api.put("builds", build);
    api.setBuildLog(key.namespace, key.name, "all of it");
    api.fail("log", fault);
    expect(await cluster.readBuildLog(key, 100, signal)).toBe("all of it");
  });

  it("is none when it fails twice", async () => {
    const { api, cluster } = await openWithBuild();
    api.fail("log", { status: 502, body: "<html>" }, 2);
    expect(await cluster.readBuildLog(key, 100, signal)).toBeUndefined();
    expect(api.requests).toHaveLength(2);
  });

  it("that never ends is read for its time, and ends with what came last by then", async () => {
    const { api, cluster } = await openTestCluster({ settings: { logTimeLimit: 300 } });
    api.put("builds", build);
    api.setBuildLog(key.namespace, key.name, { endless: true });
    const told: string[] = [];
    const tail = (await cluster.readBuildLog(key, 1000, signal, (what) => told.push(what))) ?? "";
    expect(tail).toHaveLength(1000);
    expect(tail).toContain("still downloading");
    expect(told).toEqual(["The build log was not read to its end: it took longer than 0.3 s."]);
    expect(api.requests).toHaveLength(1);
  });

  it.each([
    ["hang", undefined],
    ["hang-body", "{"],
  ] as const)("is what came of it when a server hangs in its time: %s", async (fault, beginning) => {
    const { api, cluster } = await openTestCluster({ settings: { logTimeLimit: 1_500 } });
    api.put("builds", build);
    api.fail("log", fault, Number.POSITIVE_INFINITY);
    expect((await cluster.readBuildLog(key, 1000, signal))?.[0]).toBe(beginning);
  });

  it("that never ends is given up with the signal, in flat memory", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, { endless: true });
    const stop = new AbortController();
    const reading = cluster.readBuildLog(key, 1000, stop.signal);
    await api.waitFor(() => api.requests[0]?.status === 200);
    stop.abort(new Error("out of time"));
    await expect(reading).rejects.toThrow("out of time");
  });
});

describe("the tail of a stream", () => {
  async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
    let rest = bytes;
    for (const size of sizes) {
      yield rest.subarray(0, size);
      rest = rest.subarray(size);
    }
    yield rest;
  }

  it("is its last characters, however it is cut", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(20)), fc.integer({ min: 1, max: 80 }), async (whole, sizes, maximum) => {
        const tail = await readTail(cut(Buffer.from(whole), sizes), maximum);
        expect(whole.endsWith(tail)).toBe(true);
        expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(maximum);
        expect(Buffer.byteLength(tail)).toBeGreaterThanOrEqual(Math.min(Buffer.byteLength(whole), maximum) - 3);
      }),
    );
  });

  it("keeps to the limit even where bytes are no text", async () => {
    const tail = await readTail(cut(Buffer.alloc(100, 0xff), []), 50);
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(50);
  });

  it("costs no more memory than the limit", async () => {
    const piece = Buffer.alloc(1024 * 1024, "x");
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (let count = 0; count < 300; count++) {
        yield piece;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
    }
    expect(await readTail(endless(), 4 * 1024 * 1024)).toHaveLength(4 * 1024 * 1024);
    expect(most).toBeLessThan(20 * 1024 * 1024);
  });
});
