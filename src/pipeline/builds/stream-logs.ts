import { StringDecoder } from "node:string_decoder";
import type { BuildSighting, Cluster } from "../../cluster/cluster.ts";
import type { BuildKey } from "../../core/builds/build.ts";
import { type LogTags, progressOf } from "../../core/builds/running-build.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { SubmissionPolicy } from "../../core/jobs/job.ts";
import { withoutColours } from "../../core/outside-text.ts";
import type { Logger } from "../../telemetry/log.ts";

export interface StreamLogsParts {
  readonly cluster: Pick<Cluster, "streamBuildLog">;
  readonly policy: Pick<SubmissionPolicy, "track" | "matchesLabels">;
  readonly log: Logger;
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

/** How many logs are streamed at once; further builds wait. */
export const streamsAtOnce = 20;

/** How many builds are remembered as streamed, so that a late sighting does not stream their log again. */
const mostRemembered = 5_000;

export function createLogStreams({ cluster, policy, log }: StreamLogsParts, signal: AbortSignal): LogStreams {
  const waiting = new Map<string, Source>();
  const running = new Map<string, Promise<void>>();
  const known = new Set<string>();
  let isFull = false;

  function begin(): void {
    for (const [uid, source] of waiting) {
      if (running.size >= streamsAtOnce || signal.aborted) return;
      waiting.delete(uid);
      const end = stream(source).finally(() => {
        running.delete(uid);
        begin();
      });
      running.set(uid, end);
    }
  }

  async function stream({ build, tags }: Source): Promise<void> {
    const tag = { source: "build-log", build: `${build.namespace}/${build.name}`, ...tags };
    const lines = createLineCutter((line) => log.info(tag, line));
    try {
      for await (const piece of cluster.streamBuildLog(build, true, signal)) lines.write(piece);
    } catch (error) {
      if (!signal.aborted) log.warn({ subject: tag.build, error: asJobError(error).message }, "A build's log cannot be streamed");
    } finally {
      lines.end();
    }
  }

  function seeRunning(source: Source): void {
    const { uid } = source.build;
    if (known.has(uid)) return;
    const [oldest] = known;
    if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
    known.add(uid);
    waiting.set(uid, source);
  }

  /** Logged when it begins, not for every build. */
  function tellOfWaiting(): void {
    if (waiting.size > 0 && !isFull)
      log.info(`The logs of ${streamsAtOnce} builds are streamed; those of others wait until one of these ends`);
    isFull = waiting.size > 0;
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
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

/** A longer line continues as the next one, as in the logs of containers (CRI). */
const longestLine = 16_384;

/** Cuts bytes into lines that are safe for a terminal. Each step of a progress bar is a line; empty lines are left out. */
function createLineCutter(onLine: (line: string) => void) {
  const decoder = new StringDecoder("utf8");
  let rest = "";

  function take(text: string): void {
    const lines = (rest + text).split(/[\r\n]+/);
    const last = lines.pop() ?? "";
    for (const line of lines) show(cut(line));
    rest = cut(last);
  }

  /** Shows what is too long for a line; returns the rest. */
  function cut(line: string): string {
    let start = 0;
    for (; line.length - start > longestLine; start += longestLine) show(line.slice(start, start + longestLine));
    return line.slice(start);
  }

  function show(line: string): void {
    const text = withoutColours(line);
    if (text.trim() !== "") onLine(text);
  }

  return {
    write: (piece: Uint8Array) => take(decoder.write(piece)),
    end() {
      take(decoder.end());
      show(rest);
      rest = "";
    },
  };
}
