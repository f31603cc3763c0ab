import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { createWorld, type World } from "../support/bot.ts";
import { type FakeClock, fakeClock } from "../support/fake-clock.ts";
import { buildOf, completedBuild, namespace, putLoneImages } from "../support/submissions.ts";

const second = 1_000;
const minute = 60 * second;
const workers = 16;
const batches = 36;
const batchSize = 150;
const images = 300;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

it("goes through an outage of hours: no job fails, the endpoint is asked gently, memory stays flat, and live builds go first afterwards", async () => {
  const clock = fakeClock();
  await using world = await createWorld();
  await using beside = besideOf(world);
  world.analysis.down();
  putLoneImages(world.cluster, images);
  world.bot(["--analyze-existing", "--workers-count", String(workers)], { THOTH_VERBOSE_BUILD_WATCHER: "0" }, clock);
  await takenIn(beside.queue, images);

  const heap: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    completeAndPrune(world, batch);
    await takenIn(beside.queue, images + (batch + 1) * batchSize);
    await pass(clock, beside.queue, 10 * minute, 30 * second);
    heap.push(heapUsed());
  }
  const total = images + batches * batchSize;
  expect(await beside.queue.counts()).toEqual({ waiting: total, running: 0, done: 0, failed: 0, dismissed: 0 });
  const probesAtMost = (batches * 10 * minute) / (30 * second);
  expect(world.analysis.received).toBeLessThanOrEqual(workers + 10 + probesAtMost);
  expect(world.analysis.received).toBeGreaterThan(probesAtMost / 4);
  expect((heap.at(-1) ?? 0) - (heap[5] ?? 0)).toBeLessThan(4 * 1024 * 1024);

  world.analysis.up();
  const returned = clock.now();
  while ((await beside.queue.counts()).done < total) await pass(clock, beside.queue, second, second);
  expect(clock.now() - returned).toBeLessThan(5 * minute);
  const drained = world.analysis.submissions.map(buildOf);
  expect(new Set(drained).size).toBe(total);
  expect(drained).toHaveLength(total);
  const early = drained.slice(0, batches * batchSize - probesAtMost).filter((name) => name.startsWith("image-"));
  expect(early.length, "images that went before live builds").toBeLessThanOrEqual(workers);
});

/** Lets builds complete, and prunes those that completed before. */
function completeAndPrune({ cluster }: World, batch: number): void {
  for (let index = 0; index < batchSize; index += 1) {
    cluster.remove("builds", namespace, `app-${batch - 1}-${index}-1`);
    cluster.put("builds", completedBuild(`app-${batch}-${index}`));
  }
}

/** Lets time pass step by step; what was begun in one step ends before the next. */
async function pass(clock: FakeClock, queue: JobQueue, milliseconds: number, step: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += step) {
    await clock.advance(step);
    // Vitest keeps each of its assertions until the test ends, which would be most of what grows.
    while ((await queue.counts()).running > 0) await setTimeout(5);
  }
}

function takenIn(queue: JobQueue, count: number): PromiseLike<unknown> {
  const all = async () => Object.values(await queue.counts()).reduce((sum, jobs) => sum + jobs, 0);
  return expect.poll(all, { interval: 5 }).toBe(count);
}

/** The ledger, as the command line sees it beside the bot. */
function besideOf({ stateDirectory }: World): { readonly queue: JobQueue } & AsyncDisposable {
  const settings = { workers: 1, jobTimeout: 1, giveUpAfter: 1, exclusive: false };
  const queue = openEmbeddedQueue({ directory: stateDirectory, ...settings });
  return { queue, [Symbol.asyncDispose]: () => queue.close() };
}

/** Bytes in use after a garbage collection. */
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
