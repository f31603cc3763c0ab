import { randomUUID } from "node:crypto";
import type { JobQueue } from "../queue/job-queue.ts";
import { createChanges } from "./changes.ts";
import { createEventRing, type EventRing, type NumberedEvent } from "./event-ring.ts";
import { gatherGroups } from "./groups.ts";
import { createPace } from "./pace.ts";
import { jobRow } from "./views/job-row.ts";

/** What pages are told of the queue, in order. */
export interface Feed extends Pick<EventRing, "position" | "after"> {
  /** Looks at the queue once; the events since the last look. */
  look(now: number): readonly NumberedEvent[];
}

/** Milliseconds between two calls to fetch the page anew, while more changes than can be told. */
const refreshPace = 2_000;
const remembered = 500;

export function createFeed(queue: Pick<JobQueue, "recent" | "ofGroups">): Feed {
  const changes = createChanges(queue);
  const ring = createEventRing(randomUUID().slice(0, 8), remembered);
  const refreshDue = createPace(refreshPace);
  let refreshOwed = false;

  return {
    position: ring.position,
    after: ring.after,
    look(now) {
      const found = changes.poll();
      const records = found.kind === "many" ? [] : found.records;
      const groups = gatherGroups(queue, records);
      const events = groups.map((group) => ring.push({ kind: "row", group, row: jobRow(group, now) }));
      refreshOwed ||= found.kind === "many";
      if (!refreshOwed || !refreshDue(now)) return events;
      refreshOwed = false;
      return [...events, ring.push({ kind: "refresh" })];
    },
  };
}
