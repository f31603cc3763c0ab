import { randomUUID } from "node:crypto";
import { coveredImage, groupOf, type Job, tenantOf } from "../../core/jobs/job.ts";
import { DatabaseError } from "../../postgres/index.ts";
import { lanes, type Pool } from "../dispatching/pools.ts";
import { type Adding, type JobQueue, type QueuedWork, QueueUnavailableError } from "../job-queue.ts";
import type { Connection } from "./connection.ts";
import { clean, digestOfName, inputDigests } from "./texts.ts";

interface Waiting {
  readonly job: object;
  readonly settle: PromiseWithResolvers<"added" | "already-known">;
}

/** Jobs taken in by one statement at most. */
const batch = 200;

/**
 * Takes jobs in, all that came while the last statement ran by the next one. They wait until the database has them, or the signal fires.
 * `added` is called after every statement.
 */
export function createAdditions(
  connection: Connection,
  settings: { readonly queue: string; readonly assign: (job: Job) => Pool; readonly now: () => number | null },
  signal: AbortSignal,
  added: () => void,
): Pick<JobQueue, "add"> & { settled(): Promise<void> } {
  const { queue, assign, now } = settings;
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | undefined;

  function write(jobs: readonly object[]): Promise<readonly { readonly added: boolean }[]> {
    return connection.insist(
      ({ run }) =>
        run<{ added: boolean }>("SELECT build_watcher.add_jobs($1, $2, $3) AS added", [queue, now(), JSON.stringify(jobs)]),
      signal,
    );
  }

  async function apply(some: readonly Waiting[]): Promise<void> {
    try {
      const answers = await write(some.map(({ job }) => job));
      for (const [index, { settle }] of some.entries()) settle.resolve(answers[index]?.added ? "added" : "already-known");
    } catch (error) {
      // One that the database refuses must not spoil the others.
      if (some.length > 1 && error instanceof DatabaseError) await Promise.all(some.map((one) => apply([one])));
      else for (const { settle } of some) settle.reject(error);
    }
  }

  async function flush(): Promise<void> {
    // What comes in the same turn of the event loop goes with it.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const some = waiting.slice(0, batch);
      waiting = waiting.slice(batch);
      await apply(some);
      added();
    }
    flushing = undefined;
  }

  return {
    async add(job, how = {}) {
      if (signal.aborted) throw new QueueUnavailableError(`The queue in ${connection.database.name} is closed`);
      const settle = Promise.withResolvers<"added" | "already-known">();
      waiting.push({ job: described(job, how, assign(job)), settle });
      flushing ??= flush();
      return settle.promise;
    },
    settled: async () => flushing,
  };
}

function described(job: Job, { again, backlog, after }: Adding, pool: Pool): object {
  const { analyzer = "" } = job as QueuedWork;
  const group = groupOf(job);
  const otherId = `${group}-${analyzer}`;
  return {
    id: clean(job.id),
    job: JSON.stringify(job),
    otherId: clean(otherId),
    otherJob: JSON.stringify({ ...job, id: otherId, group }),
    group: clean(group),
    analyzer,
    tenant: clean(tenantOf(job)),
    cause: job.cause,
    namespace: clean(job.build?.namespace),
    buildConfig: clean(job.buildConfig),
    outputDigest: digestOfName(job.output),
    baseDigest: digestOfName(job.base),
    inputs: inputDigests(job),
    covers: clean(coveredImage(job)),
    alone: !job.build,
    added: randomUUID(),
    pool,
    lane: job.cause === "scan" ? lanes.scan : backlog ? lanes.backlog : lanes.live,
    again,
    after,
  };
}
