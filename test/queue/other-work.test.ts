import { rmSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { temporaryDirectory } from "./embedded-storage.ts";

interface Errand {
  readonly id: string;
  readonly to: { readonly street: string };
}

it("runs work that is no job, with its own delays", async () => {
  const directory = temporaryDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const clock = fakeClock();
  const settings = { directory, workers: 1, jobTimeout: 60_000, giveUpAfter: 3_600_000, clock, random: () => 1 };
  const queue = openEmbeddedQueue<Errand, { readonly found: boolean }>({
    ...settings,
    backoff: { initial: 10_000, cap: 10_000 },
  });
  const ran: string[] = [];
  queue.work(async ({ to }) => {
    ran.push(to.street);
    if (ran.length < 3) throw new JobError("Unexpected", "closed");
    return { found: true };
  });
  expect(await queue.add({ id: "errand-1", to: { street: "Main Street" } })).toBe("added");
  expect(await queue.add({ id: "errand-1", to: { street: "Side Street" } })).toBe("already-known");
  await clock.advance(9_999);
  expect(ran).toHaveLength(1);
  await clock.advance(10_001);
  await queue.idle();
  expect(ran).toEqual(["Main Street", "Main Street", "Main Street"]);
  expect(await queue.find("errand-1")).toMatchObject({
    state: "done",
    job: { to: { street: "Main Street" } },
    result: { found: true },
  });
  await queue.close();
});

it("retries work that is no job", async () => {
  const directory = temporaryDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const queue = openEmbeddedQueue<Errand, null>({ directory, workers: 1, jobTimeout: 60_000, giveUpAfter: 3_600_000 });
  let ran = 0;
  queue.work(async () => {
    ran += 1;
    return null;
  });
  await queue.add({ id: "errand-1", to: { street: "Main Street" } });
  await queue.idle();
  expect(await queue.retry("errand-1")).toBe(true);
  await queue.idle();
  expect(ran).toBe(2);
  await queue.close();
});
