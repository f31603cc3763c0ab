import type { Clock } from "../../core/clock.ts";
import type { Connection } from "./connection.ts";

/** What replicas tell each other, so that none waits for the next sign of life. A call can be missed, because signs of life say the same. */
export interface Calls {
  /** Says that a queue may have due jobs. */
  call(queue: string): void;
  close(): void;
}

const channel = "build_watcher";

/** The least milliseconds between two calls. */
const pace = 100;

/** `isNeeded` says whether there is anybody to hear it; `called` gets the queues that others name. */
export function createCalls(
  { database, once }: Connection,
  settings: {
    readonly id: string;
    readonly clock: Clock;
    readonly isNeeded: () => boolean;
    readonly called: (queue: string) => void;
  },
): Calls {
  const { id, clock, isNeeded, called } = settings;
  const owed = new Set<string>();
  let cancelPause: (() => void) | undefined;

  const isHeard = database.listen(channel, (text) => {
    const [from, queue = ""] = text.split(" ");
    if (from !== id) called(queue);
  });

  function pay(): void {
    cancelPause = undefined;
    if (owed.size === 0) return;
    const texts = [...owed].map((queue) => `${id} ${queue}`);
    owed.clear();
    cancelPause = clock.schedule(pace, pay);
    once(({ run }) => run("SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text", [channel, texts])).catch(() => undefined);
  }

  return {
    call(queue) {
      if (!isHeard() || !isNeeded()) return;
      owed.add(queue);
      if (!cancelPause) pay();
    },
    close: () => cancelPause?.(),
  };
}
