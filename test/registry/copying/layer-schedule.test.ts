import { describe, expect, it } from "vitest";
import { createLayerSchedule } from "../../../src/registry/copying/layer-schedule.ts";
import { createSharedWork } from "../../../src/registry/copying/shared-work.ts";
import { fakeClock, settle } from "../../support/fake-clock.ts";

const never = new AbortController().signal;

/** Copies that begin when the schedule lets them and end when the test says so. */
function copies() {
  const clock = fakeClock();
  const schedule = createLayerSchedule(clock, 20_000);
  const stuck = new Map<string, () => void>();
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  return {
    clock,
    stuck,
    begun,
    start(name: string, layers: string, { registry = "r", signal = never } = {}) {
      return schedule.run(registry, layers.split(""), signal, (isStuck) => {
        begun.push(name);
        stuck.set(name, isStuck);
        const gate = Promise.withResolvers<void>();
        gates.set(name, gate);
        return gate.promise;
      });
    },
    async end(name: string) {
      gates.get(name)?.resolve();
      await settle();
    },
    async fail(name: string) {
      gates.get(name)?.reject(new Error(name));
      await settle();
    },
  };
}

describe("the layer schedule", () => {
  it("lets the first copy carry the shared layers, and the others follow together", async () => {
    const { begun, start, end } = copies();
    for (const name of ["1", "2", "3"]) void start(name, `abc${name}`);
    await settle();
    expect(begun).toEqual(["1"]);
    await end("1");
    expect(begun).toEqual(["1", "2", "3"]);
  });

  it("waits for no copy that stands still, and for none longer than some seconds", async () => {
    const { begun, start, stuck, clock } = copies();
    void start("tarpit", "ab");
    void start("victim", "ax");
    await settle();
    expect(begun).toEqual(["tarpit"]);
    stuck.get("tarpit")?.();
    await settle();
    expect(begun).toEqual(["tarpit", "victim"]);
    void start("next", "xy");
    await clock.advance(19_999);
    expect(begun).toEqual(["tarpit", "victim"]);
    await clock.advance(1);
    expect(begun).toEqual(["tarpit", "victim", "next"]);
  });

  it("makes no copy wait that shares nothing, or goes to another registry", async () => {
    const { begun, start } = copies();
    void start("1", "abc");
    void start("2", "def");
    void start("3", "abc", { registry: "other" });
    void start("4", "");
    await settle();
    expect(begun).toEqual(["1", "2", "3", "4"]);
  });

  it("lets one other carry the layers when the first one fails", async () => {
    const { begun, start, end, fail } = copies();
    const first = start("1", "ab");
    void start("2", "ab");
    void start("3", "ab");
    const failed = expect(first).rejects.toThrow("1");
    await settle();
    await fail("1");
    await failed;
    expect(begun).toEqual(["1", "2"]);
    await end("2");
    expect(begun).toEqual(["1", "2", "3"]);
  });

  it("remembers what was delivered, so later copies wait for nothing", async () => {
    const { begun, start, end } = copies();
    void start("1", "ab");
    await settle();
    await end("1");
    void start("2", "abc");
    void start("3", "abd");
    await settle();
    expect(begun).toEqual(["1", "2", "3"]);
  });

  it("gives up waiting when the signal fires, and the copy never begins", async () => {
    const { begun, start, end } = copies();
    const controller = new AbortController();
    void start("1", "ab");
    const waiting = start("2", "ab", { signal: controller.signal });
    const ended = expect(waiting).rejects.toThrow("stop");
    await settle();
    controller.abort(new Error("stop"));
    await ended;
    await end("1");
    expect(begun).toEqual(["1"]);
  });
});

describe("work that several want", () => {
  function work() {
    const { promise, resolve } = Promise.withResolvers<string>();
    const signals: AbortSignal[] = [];
    const run = (signal: AbortSignal) => {
      signals.push(signal);
      return Promise.race([
        promise,
        new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ]);
    };
    return { run, resolve, signals };
  }

  it("is done once, and everybody learns who began it", async () => {
    const shared = createSharedWork<string>();
    const { run, resolve, signals } = work();
    const results = Promise.all([shared.run("k", never, run), shared.run("k", never, run)]);
    resolve("done");
    expect(await results).toEqual([
      { result: "done", shared: false },
      { result: "done", shared: true },
    ]);
    expect(signals).toHaveLength(1);
    await shared.run("k", never, run);
    expect(signals).toHaveLength(2);
  });

  it("goes on when the one who began it leaves, and is interrupted when the last one leaves", async () => {
    const shared = createSharedWork<string>();
    const { run, signals } = work();
    const controllers = [new AbortController(), new AbortController()] as const;
    const [first, second] = controllers.map(({ signal }) => shared.run("k", signal, run));
    const outcomes = Promise.allSettled([first, second]);
    controllers[0].abort(new Error("first"));
    await expect(first).rejects.toThrow("first");
    expect(signals[0]?.aborted).toBe(false);
    controllers[1].abort(new Error("second"));
    await outcomes;
    expect(signals[0]?.aborted).toBe(true);
  });

  it("fails for everybody when it fails", async () => {
    const shared = createSharedWork<string>();
    const run = () => Promise.reject(new Error("broken"));
    const outcomes = await Promise.allSettled([shared.run("k", never, run), shared.run("k", never, run)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
