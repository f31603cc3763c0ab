import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/cluster/api/api.ts";
import { ApiError } from "../../../src/cluster/api/api-error.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { readBuildLog, readTail } from "../../../src/sources/logs/build-log.ts";
import { openshiftBuilds } from "../../../src/sources/openshift-builds.ts";
import { openTestCluster } from "../../cluster/test-cluster.ts";
import { aBuild } from "../../support/fixtures.ts";

const signal = new AbortController().signal;
const key = { namespace: "golang-builder", name: "app-1", uid: "1" };
const build = aBuild({ namespace: "golang-builder", name: "app-1" });

const broken = new ApiError("Unreachable", "broke off");
const refused = new ApiError("Forbidden", "not yet", { status: 403 });
const gone = new ApiError("Refused", 'pods "x" not found', { status: 400 });
const notToItsEnd = "The build log was not read to its end";

async function* piecesOf(answer: readonly (string | ApiError)[]): AsyncGenerator<Buffer> {
  for (const piece of answer) {
    if (piece instanceof ApiError) throw piece;
    yield Buffer.from(piece);
  }
}

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

  it("is none when it fails again and again, and that is told", async () => {
    const { api, cluster } = await openWithBuild();
    api.fail("log", { status: 502, body: "<html>" }, Number.POSITIVE_INFINITY);
    const told: string[] = [];
    expect(await cluster.readBuildLog(key, 100, signal, (what) => told.push(what))).toBeUndefined();
    expect(told).toEqual(["The build log could not be read: <html>."]);
  });

  it("is read when the API server has just started and refuses it for moments", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, "the whole of it");
    await cluster.readBuildLog(key, 1000, signal);
    const start = api.restart();
    const reading = cluster.readBuildLog(key, 1000, signal);
    await api.waitFor(({ requests }) => requests.length === 4);
    start.ready();
    expect(await reading).toBe("the whole of it");
    expect(api.requests.slice(0, 4).map(({ status }) => status)).toEqual([200, 404, 403, 403]);
  });

  it.each<[string, readonly (string | ApiError)[][], string | undefined, string | undefined]>([
    ["whole in the end", [["on", broken], [refused], ["one\ntwo"]], "one\ntwo", undefined],
    ["none if it was never begun", [[broken], [gone]], undefined, undefined],
    [
      "what came of it before its pod went away",
      [["one\n", "tw", broken], [gone]],
      "one\ntw",
      `${notToItsEnd}: pods "x" not found.`,
    ],
    [
      "the last that came of it",
      [["one\n", broken], ["one\ntwo\n", broken], [gone]],
      "one\ntwo\n",
      `${notToItsEnd}: pods "x" not found.`,
    ],
    [
      "what came before the server was away for good",
      [["one\n", broken], ...Array(9).fill([broken])],
      "one\n",
      `${notToItsEnd}: broke off.`,
    ],
  ])("that breaks in the middle is %s", async (_, answers, expected, note) => {
    const left = answers.map((answer) => answer);
    const open = async () => {
      const answer = left.shift() ?? [];
      if (answer[0] instanceof ApiError) throw answer[0];
      return { chunks: piecesOf(answer), end: () => {} };
    };
    const api = { open } as unknown as Api;
    const patience = { attempts: 1, backoff: { initial: 1, cap: 2 }, clock: systemClock };
    const told: string[] = [];
    const reader = { api, patience, silence: 60_000, timeLimit: 60_000 };
    const log = await readBuildLog(reader, openshiftBuilds, key, 1000, signal, (what) => told.push(what));
    expect([log, ...told]).toEqual([expected, ...(note === undefined ? [] : [note])]);
  });

  it("has its real end, however long it is, and though its last line has none", async () => {
    const { api, cluster } = await openWithBuild();
    api.setBuildLog(key.namespace, key.name, `${"a line of the build\n".repeat(200_000)}error: exit status 1`);
    expect(await cluster.readBuildLog(key, 1000, signal)).toMatch(/^.{1000}$/s);
    // Only the end of it is sent.
    expect(api.requests[0]?.query).toMatchObject({ tailLines: "100" });
    expect(await cluster.readBuildLog(key, 30, signal)).toBe("f the build\nerror: exit status 1".slice(-30));
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
