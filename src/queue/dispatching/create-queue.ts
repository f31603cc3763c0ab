import type { Clock } from "../../core/clock.ts";
import { type JobQueue, type QueueReads, QueueUnavailableError } from "../job-queue.ts";
import type { ConcludeSettings } from "./conclude.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createIdleWaiters } from "./idle-waiters.ts";
import type { DispatchStore } from "./store.ts";

/** The part of the contract that an engine implements. The rest is made from its store. */
export interface QueueEngine
  extends Pick<
    JobQueue,
    | QueueReads
    | "add"
    | "amend"
    | "retry"
    | "dismiss"
    | "forget"
    | "tags"
    | "shelf"
    | "marks"
    | "alone"
    | "once"
    | "replicas"
    | "trouble"
  > {
  readonly store: DispatchStore;
  /** Throws if this process cannot run jobs. */
  assertWorker(): void;
  /** Resolves when all earlier changes are on disk. */
  settled(): Promise<void>;
  /** Releases everything. What still waits to be recorded is lost. */
  close(): Promise<void>;
}

export interface QueueSettings extends ConcludeSettings {
  /** Jobs that run in parallel for each analyzer. With `isSlow`, as many slow ones run besides. */
  readonly workers: number;
  readonly perTenant?: number | undefined;
  /** Present if slow jobs have separate places. */
  readonly isSlow?: unknown;
  readonly clock: Clock;
}

/** An engine's queue. It runs jobs, and says when it is idle and when it has ended. */
export function createQueue(engine: QueueEngine, settings: QueueSettings): JobQueue {
  const { store, assertWorker, settled, close: release, ...own } = engine;
  const end = Promise.withResolvers<void>();
  let working = false;
  let failure: Error | undefined;
  let closing: Promise<void> | undefined;
  let tell: Parameters<JobQueue["work"]>[1];

  const idle = createIdleWaiters(isIdle);
  const dispatcher = createDispatcher({ ...settings, store, failed, rested: idle.check });
  store.attach({
    failed,
    lost: dispatcher.interrupt,
    othersWorked: idle.check,
    changed() {
      dispatcher.dispatch();
      idle.check();
    },
    released(records) {
      for (const record of records) tell?.({ record, outcome: "interrupted", milliseconds: 0 });
    },
  });

  async function isIdle(): Promise<boolean> {
    // Asked again when that ends.
    if (dispatcher.isBusy()) return false;
    try {
      const { waiting, running } = await engine.counts();
      return waiting + running === 0 && !dispatcher.isBusy();
    } catch (error) {
      if (!(error instanceof QueueUnavailableError)) failed(error);
      return false;
    }
  }

  function failed(error: unknown): Error {
    if (failure) return failure;
    failure = error instanceof Error ? error : new Error(String(error));
    if (closing) return failure;
    idle.reject(failure);
    if (working) end.reject(failure);
    void dispatcher.stop(0);
    return failure;
  }

  async function stop(graceMilliseconds: number): Promise<void> {
    await dispatcher.stop(graceMilliseconds);
    if (!failure) end.resolve();
  }

  async function close(): Promise<void> {
    await stop(0);
    await store.end();
    await release();
  }

  return {
    ...own,
    ended: end.promise,
    work(handle, report = () => undefined) {
      assertWorker();
      tell = report;
      store.begin();
      dispatcher.start(handle, report);
      working = true;
      if (failure) end.reject(failure);
    },
    idle: () => settled().then(idle.wait),
    stop,
    close: () => (closing ??= close()),
  };
}
