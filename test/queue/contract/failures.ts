import { describe, expect, it } from "vitest";
import { type FailureReason, JobError } from "../../../src/core/jobs/errors.ts";
import type { AttemptReport } from "../../../src/queue/job-queue.ts";
import { buildJob, nothing, result } from "../jobs.ts";
import { type Contract, hour, minute, second } from "./contract.ts";

export function describeFailures(contract: Contract): void {
  const { clock, open, until } = contract;

  describe("failures", () => {
    it.each<readonly [string, () => unknown, AttemptReport["outcome"], FailureReason, string]>([
      ["a refusal", () => new JobError("AnalyzerRejected", "400 Bad Request"), "failed", "AnalyzerRejected", "400 Bad Request"],
      ["a missing image", () => new JobError("ImageNotFound", "manifest unknown"), "failed", "ImageNotFound", "manifest unknown"],
      ["a registry that is down", () => new JobError("RegistryUnavailable", "503"), "retrying", "RegistryUnavailable", "503"],
      [
        "a final error of a retryable reason",
        () => new JobError("CopyFailed", "no", { retryable: false }),
        "failed",
        "CopyFailed",
        "no",
      ],
      ["an error nobody foresaw", () => new TypeError("x is not a function"), "retrying", "Unexpected", "x is not a function"],
      ["undefined", () => undefined, "retrying", "Unexpected", "undefined"],
      ["a string", () => "boom", "retrying", "Unexpected", "boom"],
      ["a number that is no JSON", () => Number.NaN, "retrying", "Unexpected", ""],
      ["a circular object", () => circularObject(), "retrying", "Unexpected", ""],
      ["an object that throws when looked at", () => hostileObject(), "retrying", "Unexpected", ""],
      [
        "an error whose message is no text",
        () => Object.assign(new Error("x"), { message: { a: 1 } }),
        "retrying",
        "Unexpected",
        "",
      ],
      [
        "a nonsensical Retry-After",
        () => new JobError("RateLimited", "429", { retryAfter: Number.NaN }),
        "retrying",
        "RateLimited",
        "429",
      ],
      ["a text of ten megabytes", () => new Error("x".repeat(10_000_000)), "retrying", "Unexpected", "xxx"],
    ])("records %s", async (_name, thrown, outcome, reason, words) => {
      const queue = await open();
      const reports: AttemptReport[] = [];
      queue.work(
        async ({ id }) => {
          if (id === "build-uid-1") throw thrown();
          return nothing;
        },
        (report) => reports.push(report),
      );
      await Promise.all([queue.add(buildJob(1)), queue.add(buildJob(2))]);
      await contract.settle();
      const record = await queue.find("build-uid-1");
      expect(record).toMatchObject({ state: outcome === "failed" ? "failed" : "waiting", attempts: 1, error: { reason } });
      expect(record?.error?.message).toContain(words);
      expect(record?.error?.message.length).toBeLessThan(10_000);
      expect(reports.find((report) => report.record.job.id === "build-uid-1")?.outcome).toBe(outcome);
      expect((await queue.find("build-uid-2"))?.state, "the job beside it").toBe("done");
    });

    it("tells what jobs fail for in groups: reason, host, how many, since when, and whose", async () => {
      const queue = await open({ workers: 4 });
      const failures: Readonly<Record<string, JobError>> = {
        "build-uid-1": new JobError("RegistryUnavailable", "first", { host: "quay.example", retryAfter: hour }),
        "build-uid-2": new JobError("RegistryUnavailable", "second", { host: "quay.example", retryAfter: hour }),
        "build-uid-3": new JobError("RegistryUnavailable", "third", { host: "other.example", retryAfter: hour }),
        "build-uid-4": new JobError("ImageNotFound", "gone"),
      };
      const begun = clock.now();
      queue.work(async ({ id }) => {
        throw failures[id] ?? new JobError("ImageNotFound", "gone, too");
      });
      for (const number of [1, 2, 3, 4]) {
        await queue.add(buildJob(number));
        await contract.settle();
        await clock.advance(second);
      }
      const elsewhere = buildJob(5);
      await queue.add({ ...elsewhere, build: { namespace: "bank", name: "api-1", uid: "uid-5" } });
      await contract.settle();
      const bySize = (await queue.failures()).toSorted((a, b) => b.jobs - a.jobs || a.reason.localeCompare(b.reason));
      expect(bySize).toEqual([
        { state: "failed", analyzer: "thoth", reason: "ImageNotFound", jobs: 2, since: begun + 3 * second, message: "gone, too" },
        {
          state: "waiting",
          analyzer: "thoth",
          reason: "RegistryUnavailable",
          host: "quay.example",
          namespace: "shop",
          jobs: 2,
          since: begun,
          message: "second",
        },
        expect.objectContaining({ host: "other.example", jobs: 1, message: "third" }),
      ]);
      expect((await queue.find("build-uid-1"))?.error).toEqual({
        reason: "RegistryUnavailable",
        message: "first",
        host: "quay.example",
      });
      await queue.dismiss("build-uid-3");
      expect((await queue.failures()).map(({ host }) => host)).not.toContain("other.example");
    });

    it("records a handler that throws before it returns a promise", async () => {
      const queue = await open();
      queue.work(() => {
        throw new JobError("BadReference", "no");
      });
      await queue.add(buildJob(1));
      await queue.idle();
      expect(await queue.find("build-uid-1")).toMatchObject({
        state: "failed",
        error: { reason: "BadReference", message: "no" },
      });
    });

    it("tries again with growing delays that are known beforehand, and forgets the error once it succeeds", async () => {
      const queue = await open();
      const times: number[] = [];
      queue.work(async () => {
        times.push(clock.now());
        if (times.length < 6) throw new JobError("RegistryUnavailable", "503");
        return result;
      });
      await queue.add(buildJob(1));
      for (let attempt = 1; attempt < 6; attempt += 1) {
        await until(() => times.length === attempt);
        expect((await queue.find("build-uid-1"))?.dueAt).toBeGreaterThan(clock.now() - second);
      }
      await until(async () => (await queue.counts()).done === 1);
      const delays = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      expect(delays).toHaveLength(5);
      for (const [index, delay] of delays.entries()) {
        expect(delay).toBeGreaterThanOrEqual(second * 2 ** index);
        expect(delay).toBeLessThanOrEqual(2 * second * 2 ** index + second);
      }
      expect(await queue.find("build-uid-1")).toMatchObject({ attempts: 6, result });
      expect((await queue.find("build-uid-1"))?.error).toBeUndefined();
    });

    it("waits as long as the other side asked for, up to an hour", async () => {
      const queue = await open();
      const waits = [10 * minute, 48 * hour];
      const times: number[] = [];
      queue.work(async () => {
        times.push(clock.now());
        const retryAfter = waits.shift();
        if (retryAfter) throw new JobError("RateLimited", "429", { retryAfter });
        return nothing;
      });
      await queue.add(buildJob(1));
      await until(async () => (await queue.counts()).done === 1, minute);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(10 * minute);
      expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(hour);
    });

    it("gives up by the time it was tried since the first failure, whatever the number of attempts", async () => {
      const queue = await open({ giveUpAfter: 20 * minute });
      await queue.add(buildJob(1));
      await clock.advance(5 * hour);
      const began = clock.now();
      queue.work(async () => {
        throw new JobError("RegistryUnavailable", `at ${clock.now() - began}`);
      });
      await clock.advance(15 * minute);
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "waiting" });
      await clock.advance(20 * minute);
      const record = await queue.find("build-uid-1");
      expect(record).toMatchObject({ state: "failed", error: { reason: "RegistryUnavailable" } });
      expect(record?.error?.message).toBe(`at ${(record?.updatedAt ?? 0) - began}`);
      expect((record?.updatedAt ?? 0) - began).toBeGreaterThanOrEqual(20 * minute);
      expect(record?.dueAt).toBeUndefined();
    });

    it("counts the time it was tried over a restart, and none in which the bot was off or the clock jumped", async () => {
      let queue = await open({ giveUpAfter: 20 * minute });
      const began = clock.now();
      let attempts = 0;
      const fail = async (): Promise<never> => {
        attempts += 1;
        throw new JobError("RegistryUnavailable", "503");
      };
      queue.work(fail);
      await queue.add(buildJob(1));
      await clock.advance(minute);
      await queue.close();
      await clock.advance(96 * hour);
      queue = await open({ giveUpAfter: 20 * minute });
      queue.work(fail);
      await contract.settle();
      clock.set(clock.now() + 96 * hour);
      attempts = 0;
      await clock.advance(minute);
      expect(attempts).toBeGreaterThan(0);
      expect((await queue.find("build-uid-1"))?.state).toBe("waiting");
      await until(async () => (await queue.counts()).failed === 1, minute);
      const tried = clock.now() - began - 2 * 96 * hour;
      expect(tried).toBeGreaterThan(15 * minute);
      expect(tried).toBeLessThan(40 * minute);
      expect((await queue.find("build-uid-1"))?.error?.givenUpAfter).toBeGreaterThanOrEqual(20 * minute);
    });

    it("goes on when the clock is put back by a year", async () => {
      const queue = await open();
      const times: number[] = [];
      queue.work(async () => {
        times.push(clock.now());
        const reason = times.length === 1 ? "RegistryUnavailable" : "AnalyzerUnavailable";
        if (times.length < 3) throw new JobError(reason, "503", { retryAfter: 30 * minute });
        return nothing;
      });
      await queue.add(buildJob(1));
      await contract.settle();
      for (const expected of [2, 3]) {
        clock.set(clock.now() - 365 * 24 * hour);
        await clock.advance(2 * minute);
        expect(times).toHaveLength(expected);
      }
      expect((await queue.counts()).done).toBe(1);
    });
  });
}

function circularObject(): unknown {
  const object: { self?: unknown } = {};
  object.self = object;
  return object;
}

function hostileObject(): unknown {
  const fail = (): never => {
    throw new Error("do not look");
  };
  return new Proxy({}, { get: fail, getPrototypeOf: fail, has: fail, ownKeys: fail });
}
