import { expect, it } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { retryDenied } from "../../src/pipeline/retry-denied.ts";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import { buildJob, result } from "../queue/jobs.ts";
import { temporaryDirectory } from "../support/copier.ts";
import { fakeClock, settle } from "../support/fake-clock.ts";
import { captureLog } from "../support/log.ts";

it("retries only what a registry denied when a file with logins has changed", async () => {
  const clock = fakeClock();
  const queue = openEmbeddedQueue({ directory: temporaryDirectory(), workers: 1, jobTimeout: 1_000, giveUpAfter: 1_000, clock });
  const denied = new Set(["build-uid-1", "build-uid-2"]);
  const attempts: string[] = [];
  queue.work(async ({ id }) => {
    attempts.push(id);
    if (denied.has(id)) throw new JobError(id.endsWith("1") ? "RegistryDenied" : "LoginExpired", "no", { retryable: false });
    if (id === "build-uid-3") throw new JobError("ImageNotFound", "gone");
    return result;
  });
  for (const number of [1, 2, 3, 4]) await queue.add(buildJob(number));
  await queue.idle();
  expect(await queue.counts()).toMatchObject({ failed: 3, done: 1 });

  let changedAt = clock.now() - 1;
  const controller = new AbortController();
  const ended = retryDenied({ queue, loginsChangedAt: async () => changedAt, log: captureLog().log, clock }, controller.signal);
  await settle();
  expect(attempts).toHaveLength(4);
  denied.clear();
  await clock.advance(10_000);
  changedAt = clock.now();
  await clock.advance(30_000);
  await queue.idle();
  expect(attempts.slice(4).toSorted()).toEqual(["build-uid-1", "build-uid-2"]);
  expect(await queue.counts()).toMatchObject({ failed: 1, done: 3 });
  controller.abort();
  await ended;
  await queue.close();
});
