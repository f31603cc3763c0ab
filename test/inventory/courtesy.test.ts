import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createCourtesy } from "../../src/inventory/reading/courtesy.ts";

/** Keeps the event loop busy for so many turns of 20 ms. */
async function work(turns: number): Promise<void> {
  for (let left = turns; left > 0; left -= 1) {
    const end = performance.now() + 20;
    while (performance.now() < end);
    await turn();
  }
}

test("lets an image wait while the bot is busy, and read when it is not", async () => {
  const { signal } = new AbortController();
  const waitWhileBusy = createCourtesy();
  await work(10);
  let isReading = false;
  const reading = waitWhileBusy(signal).then(() => {
    isReading = true;
  });
  await work(25);
  expect(isReading).toBe(false);
  await reading;
  await waitWhileBusy(signal);
});

test("lets an image that is not wanted any more go at once", async () => {
  const leaving = new AbortController();
  const waitWhileBusy = createCourtesy();
  await work(10);
  leaving.abort();
  await waitWhileBusy(leaving.signal);
});
