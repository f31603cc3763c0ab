import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createWebhooks } from "../../../src/app/webhooks.ts";
import type { Config } from "../../../src/config/options.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { openEmbeddedQueue } from "../../../src/queue/index.ts";
import { digest } from "./payloads.ts";

/** What the hooks take into a real queue. */
async function hooked(workers = 1) {
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-hooks-"));
  const queue = openEmbeddedQueue({ directory, workers, jobTimeout: 60_000, giveUpAfter: 60_000, synchronous: "normal" });
  onTestFinished(async () => {
    await queue.close();
    await rm(directory, { recursive: true, force: true });
  });
  const config = { webhookSecret: "secret", webhookRepositories: [], analyzers: ["thoth"] } as unknown as Config;
  const metrics = { count: () => undefined } as unknown as Parameters<typeof createWebhooks>[1]["metrics"];
  const { take } = createWebhooks(config, { queue, metrics, log: { warn: () => undefined } as never, mayBeSource: () => true });
  return { queue, push: (name: string) => take(parseImageReference(name)) };
}

it.each([1, 2])("a tag pushed while its job runs is taken again afterwards, %s worker(s)", async (workers) => {
  const { queue, push } = await hooked(workers);
  const tag = "quay.io/shop/app:latest";
  const [started, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const pushed = { at: 1 };
  const seen: number[] = [];
  queue.work(async () => {
    seen.push(pushed.at);
    started.resolve();
    await goOn.promise;
    return { analyses: [], notes: [] };
  });
  expect(await push(tag)).toBe("new");
  await started.promise;
  pushed.at = 2;
  await push(tag);
  await push(tag);
  goOn.resolve();
  await queue.idle();
  expect(seen.at(-1)).toBe(2);
  pushed.at = 3;
  expect(await push(tag)).toBe("new");
  await queue.idle();
  expect(seen.at(-1)).toBe(3);
});

it("an image by digest whose job failed is tried again, one that is done or was dismissed is not", async () => {
  const { queue, push } = await hooked();
  const image = `quay.io/shop/app@${digest}`;
  let fails = true;
  queue.work(async () => {
    if (fails) throw new JobError("RegistryDenied", "no");
    return { analyses: [], notes: [] };
  });
  expect(await push(image)).toBe("new");
  await queue.idle();
  fails = false;
  expect(await push(image)).toBe("new");
  await queue.idle();
  expect(await queue.counts()).toMatchObject({ done: 1, failed: 0 });
  expect(await push(image)).toBe("known");
});
