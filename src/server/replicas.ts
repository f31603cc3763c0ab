import { isoTime } from "../core/clock.ts";
import { describeJob } from "../core/jobs/job.ts";
import type { JobQueue, Replica } from "../queue/job-queue.ts";

/** One of the bots that work together, as people see it. Times are milliseconds since the epoch. */
export interface ReplicaStatus extends Replica {
  /** It gave no sign of life for so long that the others take over what it runs. */
  readonly isSilent: boolean;
  readonly running: readonly { readonly id: string; readonly since: number; readonly subject?: string }[];
}

/** Signs come every second. */
const patience = 5_000;

/** Running jobs that are called by what they are about. */
const mostNamed = 200;

/** Reads who works on a queue, and on what. If a bot is alone, its jobs are not named. */
export async function readReplicas(queue: Pick<JobQueue, "replicas" | "recent">): Promise<readonly ReplicaStatus[]> {
  const replicas = await queue.replicas();
  const records = replicas.length > 1 ? await queue.recent(mostNamed, { state: "running" }) : [];
  const subjects = new Map(records.map(({ job }) => [job.id, describeJob(job)]));
  // All of them are seen by the same clock, which need not be this machine's.
  const newest = Math.max(...replicas.map(({ seenAt }) => seenAt));
  return replicas.map((replica) => ({
    ...replica,
    isSilent: newest - replica.seenAt > patience,
    running: replica.running.map(({ id, since }) => {
      const subject = subjects.get(id);
      return { id, since, ...(subject !== undefined && { subject }) };
    }),
  }));
}

/** The same as programs read it; times are RFC 3339. */
export interface ReplicaJson {
  readonly name: string;
  /** Whether it is the one that answers. */
  readonly isSelf: boolean;
  /** False when it gave no sign of life lately. */
  readonly isAlive: boolean;
  readonly startedAt: string;
  readonly lastSignAt: string;
  readonly running: readonly { readonly id: string; readonly subject: string | undefined; readonly since: string }[];
}

export function replicaJson({ name, isSelf, isSilent, startedAt, seenAt, running }: ReplicaStatus): ReplicaJson {
  return {
    name,
    isSelf,
    isAlive: !isSilent,
    startedAt: isoTime(startedAt),
    lastSignAt: isoTime(seenAt),
    running: running.map(({ id, subject, since }) => ({ id, subject, since: isoTime(since) })),
  };
}
