import { describe, expect, it } from "vitest";
import { createBatches } from "../../../src/pipeline/telling/batches.ts";
import { createPace } from "../../../src/pipeline/telling/pace.ts";
import { fakeClock } from "../../support/fake-clock.ts";

const never = new AbortController().signal;

describe("a pace", () => {
  it("lets the first through at once, and one more after each interval", async () => {
    const clock = fakeClock();
    const turn = createPace(50, clock);
    const through: number[] = [];
    const start = clock.now();
    for (const _ of [1, 2, 3]) void turn(never).then(() => through.push(clock.now() - start));
    await clock.advance(200);
    expect(through).toEqual([0, 50, 100]);
    await turn(never);
    expect(clock.now() - start, "what was not used is not saved up").toBe(200);
    void turn(never).then(() => through.push(clock.now() - start));
    await clock.advance(50);
    expect(through.at(-1)).toBe(250);
  });

  it("stops waiting when the signal fires", async () => {
    const turn = createPace(1_000_000, fakeClock());
    await turn(never);
    const stop = new AbortController();
    const waiting = turn(stop.signal);
    stop.abort();
    await waiting;
  });

  it("continues when the clock is set back", async () => {
    const clock = fakeClock();
    const turn = createPace(50, clock);
    await turn(never);
    clock.set(0);
    await turn(never);
  });
});

describe("batches", () => {
  it("are handed on together, some time after their first part came", async () => {
    const clock = fakeClock();
    const batches: (readonly number[])[] = [];
    const { add, flush } = createBatches<number>(100, clock, (items) => batches.push(items));
    add(1);
    await clock.advance(99);
    add(2);
    expect(batches).toEqual([]);
    await clock.advance(1);
    expect(batches).toEqual([[1, 2]]);
    add(3);
    flush();
    flush();
    expect(batches).toEqual([[1, 2], [3]]);
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
    expect(batches).toHaveLength(2);
  });
});
