import { expect, test } from "vitest";
import { createLostBotWatch } from "../../../src/pipeline/telling/lost-bots.ts";
import { QueueUnavailableError, type Replica } from "../../../src/queue/job-queue.ts";
import { fakeClock } from "../../support/fake-clock.ts";

test("waits until another bot is gone, and not because a bot came or the queue is away", async () => {
  const clock = fakeClock();
  const { signal } = new AbortController();
  let bots: string[] | undefined = ["one", "two"];
  const watch = createLostBotWatch({ replicas: async () => (bots ?? away()).map(asReplica) }, clock);
  await watch(0, signal);
  let isOver = false;
  const waiting = watch(600_000, signal).then(() => {
    isOver = true;
  });
  for (const [next, ends] of [
    [["one", "two", "three"], false],
    [undefined, false],
    [["one", "three"], true],
  ] as const) {
    bots = next && [...next];
    await clock.advance(5_000);
    expect(isOver).toBe(ends);
  }
  await waiting;
});

test("waits no longer than asked", async () => {
  const clock = fakeClock();
  const watch = createLostBotWatch({ replicas: async () => [asReplica("one")] }, clock);
  const waiting = watch(20_000, new AbortController().signal);
  await clock.advance(20_000);
  await waiting;
});

function asReplica(name: string): Replica {
  return { name, isSelf: false, startedAt: 0, seenAt: 0, running: [] };
}

function away(): never {
  throw new QueueUnavailableError("The database is away");
}
