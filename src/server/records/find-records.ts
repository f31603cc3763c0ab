import { setImmediate as nextTurn } from "node:timers/promises";
import { createGate } from "../../core/gate.ts";
import type { JobQueue, JobRecord, LookedAt, RecordFilter } from "../../queue/job-queue.ts";

/** A page of records. `next` continues after it; a long search also stops there to let other requests have their turn. */
interface FoundRecords {
  readonly records: readonly JobRecord[];
  readonly next?: Pick<RecordFilter, "before" | "beforeTime">;
}

export type FindRecords = (limit: number, filter: RecordFilter) => Promise<FoundRecords>;

/** How many fit; `isMore` when counting stopped before the end. */
export interface CountedRecords {
  readonly jobs: number;
  readonly isMore: boolean;
}

export type CountRecords = (most: number, filter: RecordFilter) => Promise<CountedRecords>;

/** Records that are read without a pause: a few milliseconds. */
const step = 200;
/** Records that one request reads, and milliseconds it may take. */
const mostLookedAt = 20_000;
const patience = 200;
/** Approximate size of a page in characters; records with long names and notes are larger than most. */
const mostCharacters = 2_000_000;

interface Finder {
  readonly findRecords: FindRecords;
  readonly countRecords: CountRecords;
}

/** Finds and counts records in steps, so that no search blocks the bot. Long searches run one after the other. */
export function createFinder(queue: Pick<JobQueue, "look" | "count">): Finder {
  const gate = createGate(1);

  async function find(limit: number, filter: RecordFilter): Promise<LookedAt> {
    const first = await look(queue, limit, filter);
    if (first.records.length >= limit || !first.rest) return first;
    const leave = await gate.enter(AbortSignal.timeout(60_000));
    try {
      return await goOn(queue, limit, filter, first);
    } finally {
      leave();
    }
  }

  return {
    async findRecords(limit, filter) {
      // One more than is asked for, to know whether there is one.
      const { records, rest } = await find(limit + 1, filter);
      return pageOf(records, limit, rest);
    },
    async countRecords(most, filter) {
      if (!needsReading(filter)) return counted(await queue.count(most, filter), most, false);
      const { records, rest } = await find(most, filter);
      return counted(records.length, most, rest !== undefined);
    },
  };
}

function counted(jobs: number, most: number, isOpen: boolean): CountedRecords {
  return { jobs, isMore: isOpen || jobs >= most };
}

/** Whether the records themselves must be read; otherwise an index counts them. */
function needsReading({
  state: _state,
  namespace: _namespace,
  buildConfig: _config,
  changedSince: _since,
  ...others
}: RecordFilter): boolean {
  return Object.values(others).some((value) => value !== undefined);
}

async function goOn(queue: Pick<JobQueue, "look">, limit: number, filter: RecordFilter, first: LookedAt): Promise<LookedAt> {
  const found = [...first.records];
  const start = performance.now();
  let { rest } = first;
  for (let looked = step; rest && found.length < limit; looked += step) {
    if (looked >= mostLookedAt || performance.now() - start > patience) break;
    await nextTurn();
    const more = await look(queue, limit - found.length, { ...filter, ...rest });
    found.push(...more.records);
    rest = more.rest;
  }
  return { records: found, ...(rest && { rest }) };
}

function look(queue: Pick<JobQueue, "look">, limit: number, filter: RecordFilter) {
  return queue.look(limit, step, filter);
}

function pageOf(found: readonly JobRecord[], limit: number, rest: FoundRecords["next"]): FoundRecords {
  const records = withinSize(found.slice(0, limit));
  const last = records.at(-1);
  if (last && records.length < found.length) return { records, next: { before: last.job.id, beforeTime: last.updatedAt } };
  return { records, ...(rest && { next: rest }) };
}

/** As many as fit, but at least one. */
function withinSize(records: readonly JobRecord[]): readonly JobRecord[] {
  let size = 0;
  const end = records.findIndex((record, index) => {
    size += JSON.stringify(record).length;
    return size > mostCharacters && index > 0;
  });
  return end < 0 ? records : records.slice(0, end);
}
