import { expect, it } from "vitest";
import type { FollowWork } from "../../../src/pipeline/analyses/follow-analyses.ts";
import { createTakingUp } from "../../../src/pipeline/analyses/taking-up.ts";
import { fakeClock } from "../../support/fake-clock.ts";

function workOf(number: number): FollowWork {
  return { id: `follow-${number}`, analyzer: "thoth", jobId: `job-${number}`, analysisId: `a-${number}` };
}

function takingUp() {
  const clock = fakeClock();
  const stop = new AbortController();
  const taken: string[] = [];
  const failures: unknown[] = [];
  const state = { due: undefined as number | undefined };
  const follow = {
    async add({ id }: FollowWork) {
      taken.push(id);
      return "added" as const;
    },
    find: async () => undefined,
    retry: async () => false,
  };
  const jobs = { firstDue: async () => state.due };
  const parts = { jobs, follow, clock, signal: stop.signal, failed: (error: unknown) => failures.push(error) };
  return { ...createTakingUp(parts), clock, stop, taken, state, follow, failures };
}

it("takes up analyses a second after their jobs", async () => {
  const { add, clock, taken } = takingUp();
  add(workOf(1));
  add(workOf(2));
  await clock.advance(999);
  expect(taken).toEqual([]);
  await clock.advance(1);
  expect(taken).toEqual(["follow-1", "follow-2"]);
});

it("waits while a job waits for a place, and not for one that is tried again later", async () => {
  const { add, clock, taken, state } = takingUp();
  state.due = clock.now();
  add(workOf(1));
  await clock.advance(5_000);
  expect(taken).toEqual([]);
  state.due = clock.now() + 3_600_000;
  await clock.advance(500);
  expect(taken).toEqual(["follow-1"]);
});

it("waits for ten seconds at most, however many jobs wait, and counts them from each one's own end", async () => {
  const { add, clock, taken, state } = takingUp();
  state.due = clock.now();
  add(workOf(1));
  await clock.advance(1_000);
  add(workOf(2));
  await clock.advance(9_999);
  expect(taken).toEqual([]);
  await clock.advance(1);
  expect(taken).toEqual(["follow-1"]);
  await clock.advance(1_000);
  expect(taken).toEqual(["follow-1", "follow-2"]);
});

it("takes up at once what is left when the bot stops", async () => {
  const { add, clock, taken, state, stop, flush } = takingUp();
  state.due = clock.now();
  add(workOf(1));
  await clock.advance(2_000);
  add(workOf(2));
  stop.abort();
  await flush();
  expect(taken).toEqual(["follow-1", "follow-2"]);
});

it("tells a failure, and takes up the next all the same", async () => {
  const { add, clock, taken, follow, failures, flush } = takingUp();
  const { add: working } = follow;
  follow.add = async () => {
    throw new Error("no room");
  };
  add(workOf(1));
  await clock.advance(1_000);
  expect(failures).toEqual([new Error("no room")]);
  follow.add = working;
  add(workOf(2));
  await flush();
  expect(taken).toEqual(["follow-2"]);
});
