import type { BuildSighting, Cluster } from "../../cluster/cluster.ts";
import type { BuildKey } from "../../core/builds/build.ts";
import { type LogTags, progressOf } from "../../core/builds/running-build.ts";
import type { Clock } from "../../core/clock.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { SubmissionPolicy } from "../../core/jobs/job.ts";
import type { Logger } from "../../telemetry/log.ts";
import { createLineCutter, createLineTurns } from "./log-lines.ts";

export interface StreamLogsParts {
  readonly cluster: Pick<Cluster, "streamBuildLog">;
  readonly policy: Pick<SubmissionPolicy, "track" | "matchesLabels">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The logs of running builds in one stream: the bot's own log, every line tagged with its build, and with platform, pipeline and task. */
export interface LogStreams {
  /** Call with every sighting. Never throws and never waits. */
  see(sighting: BuildSighting): void;
  /** Resolves when every stream has ended, or at once after the signal. */
  ended(): Promise<void>;
}

interface Source {
  readonly build: BuildKey;
  readonly tags: LogTags;
}

/** How many logs are streamed at once, and how many of one namespace where builds of several are seen; further builds wait. */
export const streamsAtOnce = 20;
export const streamsOfOne = 15;

/** How many builds are remembered as streamed, so that a late sighting does not stream their log again. */
const mostRemembered = 5_000;

export function createLogStreams({ cluster, policy, log, clock }: StreamLogsParts, signal: AbortSignal): LogStreams {
  const waiting = createWaiting();
  const running = new Map<string, { readonly namespace: string; readonly end: Promise<void> }>();
  const known = new Set<string>();
  const turns = createLineTurns(clock, signal);
  let isFull = false;

  function begin(): void {
    while (running.size < streamsAtOnce && !signal.aborted) {
      const source = waiting.take([...running.values()].map(({ namespace }) => namespace));
      if (!source) return;
      const { uid, namespace } = source.build;
      const end = stream(source).finally(() => {
        running.delete(uid);
        begin();
      });
      running.set(uid, { namespace, end });
    }
  }

  async function stream({ build, tags }: Source): Promise<void> {
    const tag = { source: "build-log", build: `${build.namespace}/${build.name}`, ...tags };
    const cutter = createLineCutter();
    const write = turns.writer((line) => log.info(tag, line));
    try {
      for await (const piece of cluster.streamBuildLog(build, true, signal)) await write(cutter.cut(piece));
    } catch (error) {
      if (!signal.aborted) log.warn({ subject: tag.build, error: asJobError(error).message }, "A build's log cannot be streamed");
    } finally {
      await write(cutter.end());
    }
  }

  function seeRunning(source: Source): void {
    const { uid } = source.build;
    if (known.has(uid)) return;
    const [oldest] = known;
    if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
    known.add(uid);
    waiting.add(source);
  }

  /** Logged when it begins, not for every build. */
  function tellOfWaiting(): void {
    if (waiting.size() > 0 && !isFull)
      log.info(`The logs of ${running.size} builds are streamed; those of others wait until one of these ends`);
    isFull = waiting.size() > 0;
  }

  return {
    see(sighting) {
      if (sighting.kind !== "builds" || signal.aborted) return;
      for (const build of sighting.builds) {
        const progress = progressOf(build, policy);
        if (progress.kind === "running") seeRunning(progress);
        if (progress.kind === "ended") waiting.delete(progress.build.uid);
      }
      begin();
      tellOfWaiting();
    },
    async ended() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ end }) => end));
    },
  };
}

/** Builds whose logs wait for a place. */
function createWaiting() {
  const sources = new Map<string, Source>();
  let first: string | undefined;
  let areSeveral = false;

  return {
    size: () => sources.size,
    add(source: Source): void {
      const { uid, namespace } = source.build;
      sources.set(uid, source);
      first ??= namespace;
      areSeveral ||= namespace !== first;
    },
    delete: (uid: string) => sources.delete(uid),
    /** The next one: of the namespace with the fewest streams, if it has not too many. `streamed` is the namespace of each stream. */
    take(streamed: readonly string[]): Source | undefined {
      const counts = new Map<string, number>();
      for (const namespace of streamed) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
      let next: Source | undefined;
      let fewest = areSeveral ? streamsOfOne : streamsAtOnce;
      for (const source of sources.values()) {
        const count = counts.get(source.build.namespace) ?? 0;
        if (count < fewest) [next, fewest] = [source, count];
        if (fewest === 0) break;
      }
      if (next) sources.delete(next.build.uid);
      return next;
    },
  };
}
