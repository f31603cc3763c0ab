/** Those who wait for the queue to run dry. */
export interface IdleWaiters {
  wait(): Promise<void>;
  /** Resolves those who wait, if the queue is idle. */
  check(): void;
  /** The queue will never run dry. */
  reject(error: Error): void;
}

export function createIdleWaiters(isIdle: () => boolean): IdleWaiters {
  let waiting: PromiseWithResolvers<void> | undefined;

  function check(): void {
    if (!waiting || !isIdle()) return;
    waiting.resolve();
    waiting = undefined;
  }

  return {
    check,
    wait() {
      waiting ??= Promise.withResolvers<void>();
      const { promise } = waiting;
      check();
      return promise;
    },
    reject(error) {
      waiting?.reject(error);
      waiting = undefined;
    },
  };
}
