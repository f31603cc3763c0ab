import type { Clock } from "../../core/clock.ts";
import type { ApiFault } from "./api-error.ts";

/** What a server served before. Until a server that starts has loaded its users, rights and groups, it refuses all of it. */
export interface ServedPaths {
  /** Remembers that a path was answered. */
  note(path: string): void;
  /** Whether a path was answered before, and has been refused only for moments. */
  isBriefRefusal(path: string, fault: ApiFault): boolean;
}

/** Refusals that a server's start can cause. */
export const refusalsOfStart: readonly ApiFault[] = ["Forbidden", "NotServed", "Unauthorized"];

/** Milliseconds of refusals after which a person must act. */
const startsWithin = 30_000;
const mostPaths = 2_000;

export function createServedPaths(clock: Clock): ServedPaths {
  /** Since when each is refused; undefined while it is served. */
  const refusedSince = new Map<string, number | undefined>();

  return {
    note(path) {
      for (const key of [keyOf(path), groupOf(path)]) {
        refusedSince.delete(key);
        refusedSince.set(key, undefined);
      }
      for (const oldest of refusedSince.keys()) {
        if (refusedSince.size <= mostPaths) break;
        refusedSince.delete(oldest);
      }
    },
    isBriefRefusal(path, fault) {
      const key = fault === "NotServed" ? groupOf(path) : keyOf(path);
      if (!refusalsOfStart.includes(fault) || !refusedSince.has(key)) return false;
      const since = refusedSince.get(key) ?? clock.now();
      refusedSince.set(key, since);
      return clock.now() - since < startsWithin;
    },
  };
}

/** What a server does not serve is missing as a whole: `/apis/<group>`. */
function groupOf(path: string): string {
  return path.split("/", 3).join("/");
}

/** The right to read logs is one for all builds of a namespace. */
function keyOf(path: string): string {
  return path.replace(/\/[^/]+\/log$/, "/log");
}
