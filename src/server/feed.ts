import { randomUUID } from "node:crypto";
import type { JobQueue, JobRecord } from "../queue/job-queue.ts";
import { createChanges } from "./changes.ts";
import { createEventRing, type EventRing } from "./event-ring.ts";
import { gatherGroups, type RecordGroup } from "./groups.ts";
import { createPace } from "./pace.ts";
import { jobRow } from "./views/job-row.ts";

/** What pages are told of the queue, in order. */
export interface Feed extends Pick<EventRing, "position" | "after"> {
  /** Looks at the queue once, and adds what happened since the last look. Who asks while it looks is answered by the same look. */
  look(now: number): Promise<void>;
}

/** Milliseconds between two calls to fetch the page anew, while more changes than can be told. */
const refreshPace = 2_000;
const remembered = 500;

export function createFeed(queue: Pick<JobQueue, "recent" | "ofGroups">): Feed {
  const changes = createChanges(queue);
  const ring = createEventRing(randomUUID().slice(0, 8), remembered);
  const refreshDue = createPace(refreshPace);
  let refreshOwed = false;
  let looking: Promise<void> | undefined;

  async function look(now: number): Promise<void> {
    const found = await changes.poll();
    refreshOwed ||= found.kind === "many";
    if (found.kind === "some") {
      for (const group of await groupsOf(found.records)) ring.push({ kind: "row", group, row: jobRow(group, now) });
    }
    if (!refreshOwed || !refreshDue(now)) return;
    refreshOwed = false;
    ring.push({ kind: "refresh" });
  }

  /** What changed is known from now on, so that a page whose rows cannot be read has to be fetched anew. */
  async function groupsOf(records: readonly JobRecord[]): Promise<readonly RecordGroup[]> {
    try {
      return await gatherGroups(queue, records);
    } catch (error) {
      refreshOwed = true;
      throw error;
    }
  }

  return {
    position: ring.position,
    after: ring.after,
    look(now) {
      looking ??= look(now).finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}
