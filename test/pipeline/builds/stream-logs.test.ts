import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLogStreams, streamsAtOnce, streamsOfOne } from "../../../src/pipeline/builds/stream-logs.ts";
import { classifyBuild } from "../../../src/sources/openshift-builds.ts";
import { fakeClock, settle } from "../../support/fake-clock.ts";
import { captureLog } from "../../support/log.ts";

function aBuild(namespace: string, name: string, phase = "Running") {
  const status = { phase, outputDockerImageReference: "quay.io/shop/cart:1" };
  return classifyBuild({ metadata: { namespace, name, uid: `${namespace}-${name}` }, status });
}

/** Streams of these logs; the log of a build that has none goes on for ever. */
function streams(logs: Readonly<Record<string, readonly Uint8Array[]>> = {}) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const captured = captureLog();
  const clock = fakeClock();
  const opened: string[] = [];
  const cluster = {
    async *streamBuildLog({ namespace, name }: { namespace: string; name: string }, _: boolean, signal: AbortSignal) {
      opened.push(namespace);
      const log = logs[`${namespace}/${name}`];
      if (log) yield* log;
      else await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  };
  const policy = { track: [], matchesLabels: () => true };
  const all = createLogStreams({ cluster, policy, log: captured.log, clock }, stop.signal);
  const see = (...builds: ReturnType<typeof aBuild>[]) =>
    all.see({ kind: "builds", namespace: undefined, builds, listed: false });
  const linesOf = (build: string) => captured.lines.filter((line) => line.build === build).map(({ msg }) => String(msg));
  return { see, all, clock, opened, linesOf, stop };
}

describe("the logs of running builds", () => {
  it("are written a few lines at a time, so that one of very short lines keeps the bot from nothing", async () => {
    const { see, all, clock, linesOf, stop } = streams({
      "bad/app-1": Array.from({ length: 16 }, () => Buffer.from("a\n".repeat(32_768))),
      "shop/cart-1": [Buffer.from("STEP 1\n")],
    });
    see(aBuild("bad", "app-1"), aBuild("shop", "cart-1"));
    await settle();
    expect(linesOf("shop/cart-1")).toEqual(["STEP 1"]);
    expect(linesOf("bad/app-1").length).toBeLessThanOrEqual(50);
    await clock.advance(1_000);
    expect(linesOf("bad/app-1").length).toBeGreaterThan(4_000);
    expect(linesOf("bad/app-1").length).toBeLessThanOrEqual(5_050);
    stop.abort();
    await all.ended();
    expect(linesOf("bad/app-1").length).toBeLessThanOrEqual(5_050);
  });

  it("have the same lines wherever their bytes are cut, single bytes included", async () => {
    const word = fc.constantFrom("a", "é", "\n", "\r\n", "\r", " ", "\u001b[31m", "\u0007", "x".repeat(9_000));
    const text = fc.array(word, { maxLength: 40 }).map((words) => Buffer.from(words.join("")));
    const linesOf = async (log: readonly Uint8Array[]) => {
      const { see, all, clock, linesOf: shown } = streams({ "shop/cart-1": log });
      see(aBuild("shop", "cart-1"));
      await clock.advance(1_000);
      await all.ended();
      return shown("shop/cart-1");
    };
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 20_000 }), async (bytes, size) => {
        const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
        const whole = await linesOf([bytes]);
        expect(await linesOf(cut)).toEqual(whole);
        for (const line of whole) expect(line.length).toBeLessThanOrEqual(16_384);
      }),
      { numRuns: 25 },
    );
  });

  it("of one namespace do not take all places where there are several, and the others come first", () => {
    const { see, opened } = streams();
    const many = (namespace: string) => Array.from({ length: 30 }, (_, at) => aBuild(namespace, `app-${at}`));
    see(aBuild("shop", "cart-1"), ...many("bad"));
    expect(opened.filter((namespace) => namespace === "bad")).toHaveLength(streamsOfOne);
    see(aBuild("shop", "cart-2"), aBuild("other", "app-1"));
    expect(opened.slice(-2)).toEqual(["other", "shop"]);
  });

  it("of one namespace take all places where there is no other", () => {
    const { see, opened } = streams();
    see(...Array.from({ length: 30 }, (_, at) => aBuild("shop", `app-${at}`)));
    expect(opened).toHaveLength(streamsAtOnce);
  });
});
