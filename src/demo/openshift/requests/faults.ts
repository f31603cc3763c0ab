import type { ServerResponse } from "node:http";
import { type Headers, hangInBody, resetConnection, send } from "../../answers.ts";
import { plainStatus } from "./api-status.ts";

/**
 * What goes wrong with a request: an answer of this status (without a body: a Kubernetes Status), a TCP reset, no answer at all, or one that
 * begins and never ends.
 */
export type Fault =
  | { readonly status: number; readonly body?: object | string; readonly headers?: Headers }
  | "reset"
  | "hang"
  | "hang-body";

/** `identity`: who the asker is. */
export type FaultyRequest = "list" | "watch" | "log" | "get" | "write" | "identity" | "any";

/** The pending faults. */
export interface Faults {
  add(on: FaultyRequest, fault: Fault, times: number): void;
  /** The pending fault for a request of this sort, if any; it is used up. */
  take(sort: FaultyRequest): Fault | undefined;
  clear(): void;
}

export function createFaults(): Faults {
  let waiting: { readonly on: FaultyRequest; readonly fault: Fault; times: number }[] = [];
  return {
    add(on, fault, times) {
      if (times > 0) waiting.push({ on, fault, times });
    },
    take(sort) {
      const next = waiting.find(({ on }) => on === "any" || on === sort);
      if (!next) return undefined;
      next.times -= 1;
      if (next.times <= 0) waiting = waiting.filter((entry) => entry !== next);
      return next.fault;
    },
    clear() {
      waiting = [];
    },
  };
}

/** Lets a request fail. */
export function commit(fault: Fault, response: ServerResponse): void {
  if (fault === "hang") return;
  if (fault === "reset") resetConnection(response);
  else if (fault === "hang-body") hangInBody(response, '{"kind":');
  else send(response, fault.status, fault.body ?? plainStatus(fault.status), fault.headers);
}
