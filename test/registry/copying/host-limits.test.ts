import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { createHostLimits, type TaskPlace } from "../../../src/registry/copying/host-limits.ts";
import { fakeClock, settle } from "../../support/fake-clock.ts";

const never = new AbortController().signal;

function limited(perHost = 2) {
  const clock = fakeClock();
  const limits = createHostLimits(perHost, clock);
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const places = new Map<string, TaskPlace>();
  return {
    clock,
    limits,
    places,
    begun,
    start(name: string, hosts: readonly string[], signal = never) {
      const [source = "", destination = source] = hosts;
      return limits.run({ source, destination }, signal, (place) => {
        begun.push(name);
        places.set(name, place);
        const gate = Promise.withResolvers<void>();
        gates.set(name, gate);
        return gate.promise;
      });
    },
    async end(...names: string[]) {
      for (const name of names) gates.get(name)?.resolve();
      await settle();
    },
  };
}

describe("limits of a registry host", () => {
  it("let only so many copies burden a host, as source or destination, and none wait for another host", async () => {
    const { begun, start, end } = limited(2);
    void start("1", ["a", "x"]);
    void start("2", ["a", "y"]);
    void start("3", ["b", "a"]);
    void start("4", ["b", "z"]);
    await settle();
    expect(begun).toEqual(["1", "2", "4"]);
    await end("1");
    expect(begun).toEqual(["1", "2", "4", "3"]);
  });

  it("count a host once that is source and destination", async () => {
    const { begun, start } = limited(1);
    void start("1", ["a", "a"]);
    await settle();
    expect(begun).toEqual(["1"]);
  });

  it("let others to a destination whose copies stand still, and not to the source that keeps them waiting", async () => {
    const { begun, start, end, places } = limited(2);
    for (const name of ["1", "2"]) void start(name, ["tarpit", "push"]);
    void start("victim", ["shop", "push"]);
    void start("3", ["tarpit", "push"]);
    await settle();
    expect(begun).toEqual(["1", "2"]);
    places.get("1")?.quiet();
    await settle();
    expect(begun).toEqual(["1", "2", "victim"]);
    places.get("2")?.quiet();
    places.get("2")?.quiet();
    await end("victim");
    expect(begun).toEqual(["1", "2", "victim"]);
    await end("1");
    expect(begun).toEqual(["1", "2", "victim", "3"]);
  });

  it("count a copy again that gets on", async () => {
    const { begun, start, end, places, limits } = limited(1);
    void start("1", ["a", "push"]);
    await settle();
    places.get("1")?.quiet();
    expect(limits.movedWithin("push", 1_000)).toBe(false);
    places.get("1")?.moving();
    expect(limits.movedWithin("push", 1_000)).toBe(true);
    void start("2", ["b", "push"]);
    await settle();
    expect(begun).toEqual(["1"]);
    await end("1");
    expect(begun).toEqual(["1", "2"]);
  });

  it("let a waiting copy go when its signal fires", async () => {
    const { begun, start, end } = limited(1);
    const controller = new AbortController();
    void start("1", ["a"]);
    const waiting = expect(start("2", ["a"], controller.signal)).rejects.toThrow("stop");
    await settle();
    controller.abort(new Error("stop"));
    await waiting;
    await end("1");
    expect(begun).toEqual(["1"]);
  });

  it("leave a host alone that asked for it, for everybody, and begin again one by one", async () => {
    const { clock, limits, begun, start, end } = limited(4);
    limits.slowDown("a", 3_000);
    for (const name of ["1", "2", "3"]) void start(name, ["a"]);
    void start("other", ["b"]);
    await clock.advance(2_999);
    expect(begun).toEqual(["other"]);
    await clock.advance(1);
    expect(begun).toEqual(["other", "1"]);
    await end("1");
    expect(begun).toEqual(["other", "1", "2", "3"]);
  });

  it("give the place in the pool back when a host wants to be left alone for long", async () => {
    const { limits, start } = limited();
    limits.slowDown("a", 30_000);
    await expect(start("1", ["b", "a"])).rejects.toMatchObject({ reason: "RateLimited", retryAfter: 30_000 });
  });

  it("wait longer after each refusal, count refusals of one moment as one, and forget them after a success", async () => {
    const { clock, limits, start, end } = limited();
    const pause = async () => {
      const begun = clock.now();
      let ended = 0;
      const passed = limits.pass(["a"], never).then(() => {
        ended = clock.now();
      });
      await clock.advance(10_000);
      await passed;
      return ended - begun;
    };
    limits.slowDown("a");
    limits.slowDown("a");
    expect(await pause()).toBe(1_000);
    limits.slowDown("a");
    expect(await pause()).toBe(2_000);
    void start("1", ["a"]);
    await settle();
    await end("1");
    limits.slowDown("a");
    expect(await pause()).toBe(1_000);
  });

  it("hear a refusal in what a task throws, and pass it on", async () => {
    const { limits } = limited();
    const refusal = new JobError("RateLimited", "too many", { retryAfter: 60_000 });
    await expect(limits.heed(Promise.reject(refusal), () => "a")).rejects.toBe(refusal);
    await expect(limits.pass(["a"], never)).rejects.toMatchObject({ reason: "RateLimited" });
    await expect(limits.pass(["b"], never)).resolves.toBeUndefined();
  });
});
