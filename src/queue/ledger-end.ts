import type { ShelfEntry } from "../core/jobs/shelf.ts";
import type { Marks } from "./job-queue.ts";

/** A bot's queues. Each is a part of its ledger. */
export const ledgerParts = ["submit", "follow", "notify"] as const;
export type LedgerPart = (typeof ledgerParts)[number];

/** What both storages keep of a job, by column name. A job that was running when its bot ended waits. Times are milliseconds since the epoch. */
export const keptColumns = [
  "id",
  "group_id",
  "analyzer",
  "tenant",
  "job",
  "cause",
  "namespace",
  "build_config",
  "output_digest",
  "base_digest",
  "state",
  "pool",
  "lane",
  "covers",
  "due_at",
  "attempts",
  "failures",
  "failing_since",
  "failing_for",
  "crashes",
  "error_reason",
  "error_message",
  "error_host",
  "given_up_after",
  "result",
  "analysis",
  "again",
  "created_at",
  "updated_at",
  "seen_at",
] as const;

/** Those that can change after a job was added. */
export const changingColumns = keptColumns.filter((name) => !["id", "group_id", "analyzer", "created_at"].includes(name));

type Value = string | number | null;

export type KeptJob = Readonly<Record<(typeof keptColumns)[number], Value>> & {
  /** Its place, to continue after. */
  readonly number: number;
  /** The digests of the images it took files from, as JSON. */
  readonly inputs: string;
};

export interface KeptTag {
  readonly tag: string;
  readonly digest: string;
  readonly completed_at: number;
}

/** A whole ledger that no bot works on, as the source or target of a copy. */
export interface LedgerEnd {
  /** Its name for people. */
  readonly place: string;
  readonly marks: Marks;
  /** Jobs after a place, in order. */
  jobs(part: LedgerPart, after: number, limit: number): Promise<readonly KeptJob[]>;
  /** Stores jobs in one step: new ones, and changed ones that are not older than the stored ones. Returns how many were stored. */
  keep(part: LedgerPart, jobs: readonly KeptJob[]): Promise<number>;
  tags(): Promise<readonly KeptTag[]>;
  keepTags(tags: readonly KeptTag[]): Promise<void>;
  shelf(): Promise<readonly ShelfEntry[]>;
  keepShelf(entries: readonly ShelfEntry[]): Promise<void>;
  close(): Promise<void>;
}

/** Marks a ledger that was copied elsewhere, so that no bot continues with it by mistake. */
export const movedMark = "moved-to";

const marks = ["notify/told-until", "since.json"];
const batch = 200;

/**
 * Copies everything from one ledger to another, then marks the first as moved. An interrupted copy can be started again: what is there already stays,
 * unless it has changed since. Returns how many jobs were new or changed.
 */
export async function copyLedger(from: LedgerEnd, to: LedgerEnd, told: (jobs: number) => void): Promise<number> {
  let kept = 0;
  for (const part of ledgerParts) {
    for (let after = 0, page = await from.jobs(part, after, batch); page.length > 0; page = await from.jobs(part, after, batch)) {
      kept += await to.keep(part, page);
      after = page.at(-1)?.number ?? after;
      told(kept);
    }
  }
  await to.keepTags(await from.tags());
  await to.keepShelf(await from.shelf());
  for (const mark of marks) {
    const text = await from.marks.read(mark);
    if (text !== undefined) await to.marks.write(mark, text);
  }
  await to.marks.clear(movedMark);
  await from.marks.write(movedMark, to.place);
  return kept;
}
