/** Lets a test wait for a state instead of a time. */
export interface Changes<Subject> {
  /** Says that something changed, so that waiting conditions are checked again. */
  notify(): void;
  /** Resolves at once, or at the first change for which the condition holds; rejects when the condition throws or the subject is closed. */
  waitFor(condition: (subject: Subject) => boolean): Promise<void>;
  close(): void;
}

interface Waiter<Subject> {
  readonly condition: (subject: Subject) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createChanges<Subject>(subject: () => Subject): Changes<Subject> {
  const waiters = new Set<Waiter<Subject>>();

  function look(waiter: Waiter<Subject>): void {
    try {
      if (!waiter.condition(subject())) return;
      waiter.resolve();
    } catch (error) {
      waiter.reject(error);
    }
    waiters.delete(waiter);
  }

  return {
    notify() {
      for (const waiter of waiters) look(waiter);
    },
    waitFor(condition) {
      return new Promise((resolve, reject) => {
        const waiter = { condition, resolve, reject };
        waiters.add(waiter);
        look(waiter);
      });
    },
    close() {
      for (const waiter of waiters) waiter.reject(new Error("The server was closed before the awaited condition held"));
      waiters.clear();
    },
  };
}
