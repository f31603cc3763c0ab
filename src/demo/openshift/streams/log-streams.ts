import type { ServerResponse } from "node:http";
import { resetConnection } from "../../answers.ts";
import type { Changes } from "../../changes.ts";
import type { ObjectStore } from "../objects/object-store.ts";

/** The logs that are followed at the moment. */
export interface LogStreams {
  readonly count: number;
  /** Sends what a log gains until its build has ended. */
  follow(response: ServerResponse, key: string, read: () => string): Promise<void>;
  /** Ends them all: `clean` as when the builder's node goes away, `reset` by the network. */
  close(how: "clean" | "reset"): void;
}

export function createLogStreams(builds: ObjectStore, changes: Pick<Changes<unknown>, "waitFor" | "notify">): LogStreams {
  const open = new Set<ServerResponse>();

  function isRunning(key: string): boolean {
    const [namespace = "", name = ""] = key.split("/");
    return builds.get(namespace, name)?.fields.status === "Running";
  }

  return {
    get count() {
      return open.size;
    },
    async follow(response, key, read) {
      let sent = 0;
      open.add(response);
      response.once("close", () => {
        open.delete(response);
        changes.notify();
      });
      response.writeHead(200, { "content-type": "text/plain" });
      response.flushHeaders();
      changes.notify();
      for (let last = false; !last && open.has(response); ) {
        last = !isRunning(key);
        const text = read();
        response.write(text.slice(sent));
        sent = Math.max(sent, text.length);
        const moved = () => read().length > sent || !isRunning(key) || !open.has(response);
        // The server is closed: so is the connection.
        if (!last) await changes.waitFor(moved).catch(() => open.delete(response));
      }
      response.end();
    },
    close(how) {
      for (const response of open) {
        if (how === "reset") resetConnection(response);
        open.delete(response);
      }
      changes.notify();
    },
  };
}
