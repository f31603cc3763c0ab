/** Those who wait for the queue to run dry. */
export interface IdleWaiters {
  wait(): Promise<void>;
  /** Resolves those who wait, if the queue is idle; to be called whenever it may be. Never throws. */
  check(): void;
  /** The queue will never run dry. */
  reject(error: Error): void;
}

/** Asks only while somebody waits. What cannot be told now is asked at the next check. */
export function createIdleWaiters(isIdle: () => Promise<boolean>): IdleWaiters {
  let waiting: PromiseWithResolvers<void> | undefined;
  let isChecking = false;
  let isChanged = false;

  async function ask(): Promise<void> {
    isChecking = true;
    for (isChanged = true; waiting && isChanged; ) {
      isChanged = false;
      const answer = await isIdle().catch(() => false);
      // What happened while it was asked can make the answer wrong.
      if (!answer || isChanged) continue;
      waiting?.resolve();
      waiting = undefined;
    }
    isChecking = false;
  }

  function check(): void {
    isChanged = true;
    if (waiting && !isChecking) void ask();
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
