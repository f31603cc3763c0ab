import { describe, expect, it } from "vitest";
import {
  attemptEnded,
  type Gate,
  type GateEvent,
  openGate,
  placesThrough,
  probeStarted,
  reopensIn,
} from "../../src/queue/dispatching/gate.ts";

const now = 1_000_000;
const minute = 60_000;
const shut: Gate = { kind: "shut", until: now + 8_000, against: [1, 2, 3, 4] };
const doubted: Gate = { kind: "open", against: [1, 2, 3, 4] };

describe("the gate", () => {
  it.each<readonly [string, Gate, number, number, number]>([
    ["open: every free place", openGate, 16, now, 16],
    ["doubted: every free place", doubted, 16, now, 16],
    ["shut: none", shut, 16, now, 0],
    ["shut, its time come: one", shut, 16, now + 8_000, 1],
    ["shut, its time come, no place free: none", shut, 0, now + 8_000, 0],
    ["shut, the clock put back by a day: one", shut, 16, now - 86_400_000, 1],
    ["while one tries: none", probeStarted(shut, now), 16, now + 2 * minute, 0],
    ["while one tries for long: one more", probeStarted(shut, now), 16, now + 3 * minute, 1],
  ])("lets jobs through: %s", (_name, gate, free, time, places) => {
    expect(placesThrough(gate, free, time)).toBe(places);
  });

  it.each<readonly [string, Gate, Omit<GateEvent, "job">, Gate]>([
    ["open, a success", openGate, { probe: false, sign: "alive" }, openGate],
    ["open, a failure elsewhere", openGate, { probe: false, sign: "none" }, openGate],
    ["open, an error", openGate, { probe: false, sign: "doubtful" }, { kind: "open", against: [5] }],
    ["open, the endpoint is down", openGate, { probe: false, sign: "down" }, { kind: "shut", until: now + 1_000, against: [5] }],
    [
      "open, the endpoint asks for a minute",
      openGate,
      { probe: false, sign: "down", retryAfter: minute },
      { kind: "shut", until: now + minute, against: [5] },
    ],
    [
      "open, the endpoint asks for a week",
      openGate,
      { probe: false, sign: "down", retryAfter: 168 * 60 * minute },
      { kind: "shut", until: now + 60 * minute, against: [5] },
    ],
    ["doubted, a success", doubted, { probe: false, sign: "alive" }, openGate],
    ["doubted, a failure elsewhere", doubted, { probe: false, sign: "none" }, doubted],
    [
      "doubted, a fifth error",
      doubted,
      { probe: false, sign: "doubtful" },
      { ...shut, until: now + 10_000, against: [1, 2, 3, 4, 5] },
    ],
    ["shut, a job from before fails, too", shut, { probe: false, sign: "down" }, shut],
    [
      "shut, a job from before is told to wait longer",
      shut,
      { probe: false, sign: "down", retryAfter: minute },
      { ...shut, until: now + minute },
    ],
    ["shut, a job from before succeeds", shut, { probe: false, sign: "alive" }, shut],
    ["the probe succeeds", shut, { probe: true, sign: "alive" }, openGate],
    ["the probe fails", shut, { probe: true, sign: "down" }, { ...shut, until: now + 16_000, against: [1, 2, 3, 4, 5] }],
    [
      "the probe meets an error",
      shut,
      { probe: true, sign: "doubtful" },
      { ...shut, until: now + 10_000, against: [1, 2, 3, 4, 5] },
    ],
    ["the probe fails elsewhere", shut, { probe: true, sign: "none" }, { ...shut, until: now }],
  ])("moves: %s", (_name, gate, event, expected) => {
    expect(attemptEnded(gate, { job: 5, ...event }, now, 1)).toEqual(expected);
  });

  it("stays shut for longer with each job that finds the endpoint down, up to a minute", () => {
    expect(pauses([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
  });

  it("stays shut for a moment only when it is always the same jobs", () => {
    expect(pauses([1, 1, 1, 1, 2, 1, 2, 1])).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it("is not shut by one job on which the endpoint always fails", () => {
    let gate = openGate;
    for (let attempt = 0; attempt < 20; attempt += 1)
      gate = attemptEnded(gate, { job: 1, probe: false, sign: "doubtful" }, now, 1);
    expect(gate).toEqual({ kind: "open", against: [1] });
  });

  it("is moved by time only while it is shut", () => {
    expect([openGate, doubted, shut].map((gate) => reopensIn(gate, now))).toEqual([undefined, undefined, 8_000]);
    expect(reopensIn(shut, now + 20_000)).toBe(0);
  });
});

/** Seconds the gate stays shut after each of these jobs, one after the other, found the endpoint down. */
function pauses(jobs: readonly number[]): number[] {
  let gate = openGate;
  return jobs.map((job) => {
    gate = attemptEnded(probeStarted(gate, now), { job, probe: gate.kind === "shut", sign: "down" }, now, 1);
    return (reopensIn(gate, now) ?? 0) / 1_000;
  });
}
