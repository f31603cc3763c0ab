import type { ServerResponse } from "node:http";
import { resetConnection } from "../../answers.ts";
import type { Changes } from "../../changes.ts";

/** The logs that are sent at the moment, and do not end by themselves. */
export interface LogStreams {
  readonly count: number;
  /** Counts a log that somebody else sends, until it is closed. */
  add(response: ServerResponse): void;
  /** Sends what a log gains until its writer has ended. */
  follow(response: ServerResponse, isRunning: () => boolean, read: () => string): Promise<void>;
  /** Ends them all: `clean` as when the builder's node goes away, `reset` by the network. */
  close(how: "clean" | "reset"): void;
}

export function createLogStreams(changes: Pick<Changes<unknown>, "waitFor" | "notify">): LogStreams {
  const open = new Set<ServerResponse>();

  function add(response: ServerResponse): void {
    open.add(response);
    response.once("close", () => {
      open.delete(response);
      changes.notify();
    });
  }

  return {
    add,
    get count() {
      return open.size;
    },
    async follow(response, isRunning, read) {
      let sent = 0;
      add(response);
      response.writeHead(200, { "content-type": "text/plain" });
      response.flushHeaders();
      changes.notify();
      for (let last = false; !last && open.has(response); ) {
        last = !isRunning();
        const text = read();
        response.write(text.slice(sent));
        sent = Math.max(sent, text.length);
        const moved = () => read().length > sent || !isRunning() || !open.has(response);
        // The server is closed: so is the connection.
        if (!last) await changes.waitFor(moved).catch(() => open.delete(response));
      }
      response.end();
    },
    close(how) {
      for (const response of open) {
        if (how === "reset") resetConnection(response);
        else response.end();
        open.delete(response);
      }
      changes.notify();
    },
  };
}
