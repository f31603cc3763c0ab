import { expect, it } from "vitest";
import type { Digest } from "../../../src/core/images/image-reference.ts";
import { forgetPackages } from "../../../src/pipeline/analyses/forget-packages.ts";
import type { JobRecord } from "../../../src/queue/job-queue.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { captureLog } from "../../support/log.ts";

const hour = 60 * 60_000;
const digest = (number: number): Digest => `sha256:${String(number).padStart(64, "0")}`;

it("packages are forgotten when no record names their image any more, by one of several bots", async () => {
  const clock = fakeClock();
  const until = new AbortController();
  const images = Array.from({ length: 250 }, (_, at) => ({ digest: digest(at), readAt: clock.now() }));
  const forgotten: Digest[] = [];
  const inventory = {
    images: async (readBefore: number, after = "", limit: number) =>
      images
        .filter((image) => image.readAt < readBefore && image.digest > after)
        .slice(0, limit)
        .map((image) => image.digest),
    forget: async (gone: readonly Digest[]) => void forgotten.push(...gone),
  };
  const named = new Set([digest(3), digest(200)]);
  let askedAt = Number.NEGATIVE_INFINITY;
  const queue = {
    withImage: async (image: Digest) => (named.has(image) ? [{} as JobRecord] : []),
    async once<Done>(_name: string, within: number, work: (signal: AbortSignal) => Promise<Done>, signal: AbortSignal) {
      if (clock.now() - askedAt < within) return undefined;
      askedAt = clock.now();
      return work(signal);
    },
  };
  const bots = [0, 1].map(() => forgetPackages({ inventory, queue, log: captureLog().log, clock }, until.signal));
  await clock.advance(6 * hour);
  // What was read within six hours may belong to a job that runs.
  expect(forgotten).toEqual([]);
  await clock.advance(6 * hour);
  expect(forgotten.length).toBe(248);
  expect(new Set(forgotten)).toEqual(new Set(images.map((image) => image.digest).filter((image) => !named.has(image))));
  until.abort();
  await clock.advance(6 * hour);
  await Promise.all(bots);
});
