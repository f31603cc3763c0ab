import { type Clock, sleep } from "../../core/clock.ts";
import { type JobQueue, QueueUnavailableError, type Replica } from "../job-queue.ts";
import type { Connection } from "./connection.ts";
import type { Membership } from "./membership.ts";

export interface DutySettings {
  readonly queue: string;
  readonly clock: Clock;
  readonly now: () => number | null;
}

/** Milliseconds until work that an outage ended is started again. */
const pause = 1_000;

/** What replicas do one at a time, and what they know about each other. */
export function createDuties(
  connection: Connection,
  membership: Membership | undefined,
  settings: DutySettings,
): Pick<JobQueue, "alone" | "once" | "replicas"> {
  const { queue, clock, now } = settings;
  return {
    async alone(name, work, signal) {
      if (!membership) return work(signal);
      while (!signal.aborted) {
        const turn = await takeTurn(membership, name, signal);
        const both = AbortSignal.any([signal, turn]);
        try {
          if (!both.aborted) await work(both);
          if (!turn.aborted) return;
        } catch (error) {
          if (!(error instanceof QueueUnavailableError) && !turn.aborted) throw error;
        } finally {
          await membership.giveUp(name);
        }
        await sleep(clock, pause, signal);
      }
    },
    async once(name, within, work, signal) {
      const duty = createDuty(connection, `once ${name}`, membership?.id ?? null, now);
      if (!(await duty.begin(within))) return undefined;
      const lost = new AbortController();
      const unwatch = membership?.watch(() => lost.abort());
      const both = AbortSignal.any([signal, lost.signal]);
      try {
        const answer = await work(both);
        await duty.end(!both.aborted);
        return answer;
      } catch (error) {
        await duty.end(false).catch(() => undefined);
        throw error;
      } finally {
        unwatch?.();
      }
    },
    replicas: () => readReplicas(connection, queue, membership?.id),
  };
}

/** Work that is done from time to time by the first replica that asks. */
function createDuty(connection: Connection, name: string, holder: string | null, now: () => number | null) {
  return {
    async begin(within: number): Promise<boolean> {
      const rows = await connection.ask(({ run }) =>
        run(
          `INSERT INTO build_watcher.duties AS duty (name, holder) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET holder = $2
             WHERE duty.done_at <= coalesce($3, build_watcher.now_ms()) - $4::bigint
               AND NOT EXISTS (SELECT 1 FROM build_watcher.replicas WHERE id = duty.holder)
           RETURNING name`,
          [name, holder, now(), within],
        ),
      );
      return rows.length > 0;
    },
    end(done: boolean): Promise<unknown> {
      return connection.ask(({ run }) =>
        run(
          `UPDATE build_watcher.duties SET holder = NULL, done_at = CASE WHEN $3 THEN coalesce($4, build_watcher.now_ms()) ELSE done_at END
           WHERE name = $1 AND holder IS NOT DISTINCT FROM $2`,
          [name, holder, done, now()],
        ),
      );
    },
  };
}

/** Resolves with a signal that fires when the turn is lost. If the outer signal fires first, it has fired already. */
function takeTurn(membership: Membership, name: string, signal: AbortSignal): Promise<AbortSignal> {
  const turn = new AbortController();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(AbortSignal.abort()), { once: true });
    membership.want(
      name,
      () => resolve(turn.signal),
      () => turn.abort(),
    );
  });
}

async function readReplicas(connection: Connection, queue: string, self: string | undefined): Promise<readonly Replica[]> {
  interface Row {
    readonly id: string;
    readonly name: string;
    readonly started_at: number;
    readonly seen_at: number;
    readonly running: Replica["running"];
  }
  const rows = await connection.ask(({ run }) =>
    run<Row>(
      `SELECT r.id, r.name, r.started_at, r.seen_at, (SELECT coalesce(json_agg(json_build_object('id', j.id, 'since', j.updated_at) ORDER BY j.updated_at, j.number), '[]')
         FROM build_watcher.jobs j WHERE j.state = 'running' AND j.replica = r.id AND j.queue = $1) AS running
       FROM build_watcher.replicas r ORDER BY r.started_at, r.name, r.id`,
      [queue],
    ),
  );
  return rows.map(({ id, name, started_at, seen_at, running }) => ({
    name,
    isSelf: id === self,
    startedAt: started_at,
    seenAt: seen_at,
    running,
  }));
}
