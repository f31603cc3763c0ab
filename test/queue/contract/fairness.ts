import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import type { Job } from "../../../src/core/jobs/job.ts";
import { buildJob, heldHandler, nothing } from "../jobs.ts";
import { type Contract, hour, minute, second } from "./contract.ts";

/** A build in a namespace of its own choosing. */
function jobIn(namespace: string, number: number): Job {
  const uid = `${namespace}-${number}`;
  return { ...buildJob(number), id: `build-${uid}`, build: { namespace, name: `app-${number}`, uid } };
}

export function describeFairness(contract: Contract): void {
  const { clock, open, until } = contract;

  describe("namespaces take turns", () => {
    it("so that many jobs of one hold up no other", async () => {
      const queue = await open({ workers: 1 });
      for (let number = 0; number < 30; number += 1) await queue.add(jobIn("flood", number));
      await clock.advance(1);
      for (let number = 0; number < 3; number += 1) await queue.add(jobIn("shop", number));
      await clock.advance(1);
      await queue.add(jobIn("bank", 0));
      const order: string[] = [];
      queue.work(async ({ build }) => {
        order.push(build?.namespace ?? "");
        return nothing;
      });
      await queue.idle();
      expect(order.slice(0, 7)).toEqual(["flood", "shop", "bank", "flood", "shop", "flood", "shop"]);
      expect(order).toHaveLength(34);
    });

    it("so that another's job waits for one that hangs, not for all of them", async () => {
      const queue = await open({ workers: 1, jobTimeout: minute });
      const handler = heldHandler();
      queue.work((job, signal) => (job.build?.namespace === "tarpit" ? handler.handle(job, signal) : Promise.resolve(nothing)));
      for (let number = 0; number < 5; number += 1) await queue.add(jobIn("tarpit", number));
      await contract.settle();
      await queue.add(jobIn("shop", 1));
      await clock.advance(75 * second);
      expect((await queue.find("build-shop-1"))?.state).toBe("done");
    });

    it("also where the jobs of one come one by one: what came while another of it ran waits behind another's", async () => {
      const queue = await open({ workers: 1 });
      const handler = heldHandler();
      queue.work(handler.handle);
      await queue.add(jobIn("flood", 1));
      await contract.settle();
      for (let number = 2; number < 5; number += 1) await queue.add(jobIn("flood", number));
      await clock.advance(1);
      await queue.add(jobIn("shop", 1));
      const order: (string | undefined)[] = [];
      for (let ended = 0; ended < 5; ended += 1) {
        order.push(handler.open()[0]?.job.build?.namespace);
        handler.open()[0]?.finish();
        await contract.settle();
      }
      expect(order).toEqual(["flood", "shop", "flood", "flood", "flood"]);
    });

    it("so that none holds the last place where that is reserved, and all of them may where it is not", async () => {
      const queue = await open({ workers: 3, perTenant: 2 });
      const handler = heldHandler();
      queue.work(handler.handle);
      for (let number = 0; number < 5; number += 1) await queue.add(jobIn("flood", number));
      await clock.advance(10 * second);
      expect(handler.open()).toHaveLength(2);
      await queue.add(jobIn("shop", 1));
      await contract.settle();
      expect(handler.open().map(({ job }) => job.build?.namespace)).toEqual(["flood", "flood", "shop"]);
      handler.open()[0]?.finish();
      await contract.settle();
      expect(handler.open().map(({ job }) => job.build?.namespace)).toEqual(["flood", "shop", "flood"]);
      for (let ended = 0; ended < 6; ended += 1) {
        handler.open()[0]?.finish();
        await contract.settle();
      }
      await queue.idle();
    });

    it("so that the endpoint is tried with another's job next, whatever one sends in", async () => {
      const queue = await open({ workers: 4 });
      queue.work(async ({ build }) => {
        if (build?.namespace === "flood") throw new JobError("AnalyzerFailed", "500");
        return nothing;
      });
      for (let number = 0; number < 40; number += 1) await queue.add(jobIn("flood", number));
      await clock.advance(minute);
      await queue.add(jobIn("shop", 1));
      for (let number = 40; number < 60; number += 1) await queue.add(jobIn("flood", number));
      const before = clock.now();
      await until(async () => (await queue.find("build-shop-1"))?.state === "done");
      expect(clock.now() - before).toBeLessThan(30 * second);
    });

    it("within what happens now, which goes before a backlog, and that before a scan", async () => {
      const queue = await open({ workers: 1 });
      const backlog = { backlog: true };
      await queue.add({ ...jobIn("shop", 1), cause: "scan" });
      await queue.add(jobIn("shop", 2), backlog);
      await clock.advance(1);
      await queue.add(jobIn("bank", 3), backlog);
      await queue.add(jobIn("shop", 4));
      const order: string[] = [];
      queue.work(async ({ id }) => {
        order.push(id);
        return nothing;
      });
      await queue.idle();
      expect(order).toEqual(["build-shop-4", "build-bank-3", "build-shop-2", "build-shop-1"]);
    });

    it("and a namespace that waits for a retry holds up nobody", async () => {
      const queue = await open({ workers: 1 });
      queue.work(async ({ build }) => {
        if (build?.namespace === "broken") throw new JobError("RegistryUnavailable", "503", { retryAfter: hour });
        return nothing;
      });
      for (let number = 0; number < 3; number += 1) await queue.add(jobIn("broken", number));
      for (let number = 0; number < 3; number += 1) await queue.add(jobIn("shop", number));
      await clock.advance(second);
      expect(await queue.counts()).toMatchObject({ done: 3, waiting: 3 });
    });
  });
}
