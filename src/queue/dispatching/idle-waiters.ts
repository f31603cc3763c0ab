/** Callers that wait until the queue is empty. */
export interface IdleWaiters {
  wait(): Promise<void>;
  /** Resolves the waiting callers if the queue is idle. Call it whenever it may be. Never throws. */
  check(): void;
  /** The queue will never be empty. */
  reject(error: Error): void;
}

/** Asks only while somebody waits. If there is no answer now, it asks at the next check. */
export function createIdleWaiters(isIdle: () => Promise<boolean>): IdleWaiters {
  let waiting: PromiseWithResolvers<void> | undefined;
  let isChecking = false;
  let isChanged = false;

  async function ask(): Promise<void> {
    isChecking = true;
    for (isChanged = true; waiting && isChanged; ) {
      isChanged = false;
      const answer = await isIdle().catch(() => false);
      // A change during the question can make the answer wrong.
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
