import { randomUUID } from "node:crypto";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";
import { gatherGroups, type RecordGroup } from "../records/groups.ts";
import { jobRow } from "../views/job-row.ts";
import { createChanges } from "./changes.ts";
import { createEventRing, type EventRing } from "./event-ring.ts";
import { createPace } from "./pace.ts";

/** The queue's events for open pages, in order. */
export interface Feed extends Pick<EventRing, "position" | "after"> {
  /** Reads the queue once, and adds what happened since the last read. Calls at the same time share one read. */
  look(now: number): Promise<void>;
}

/** Milliseconds between two requests to reload the page, while there are too many changes to send one by one. */
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

  /** The changes now count as sent, so a page whose rows cannot be read must be reloaded. */
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
