import { ApiError } from "../../cluster/api/api-error.ts";
import { resourceName } from "../../cluster/api/paths.ts";
import { isPassing, retrying } from "../../cluster/api/retrying.ts";
import { asClusterError } from "../../cluster/api/trouble.ts";
import type { NamedBuild } from "../../core/builds/build.ts";
import { sleep } from "../../core/clock.ts";
import { SetupError } from "../../core/jobs/errors.ts";
import { backoffDelay } from "../../core/jobs/retry.ts";
import type { BuildSource, FoundLog, LogPart } from "../build-source.ts";
import type { LogReader } from "./build-log.ts";
import { readPart } from "./parts.ts";

/** After this many attempts without a new byte a started log is given up. That takes a few minutes. */
const attemptsWithin = 10;

/** A build can be silent for longer than a server. */
const silenceFactor = 5;

/** Streams a log; see `Cluster.streamBuildLog`. A part of a log only grows, so one that is opened again continues after the bytes already read. */
export async function* streamBuildLog(
  reader: LogReader,
  source: BuildSource,
  build: NamedBuild,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { api, patience } = reader;
  const place: Place = { read: new Map(), ended: new Set() };
  let delivered = 0;
  let failures = 0;
  let hasEnded = false;
  let isLost = false;
  while (!signal.aborted) {
    const goesOn = follow && !hasEnded;
    let log: FoundLog | undefined;
    try {
      log = await source.findLog(api, build, goesOn, signal);
      for await (const piece of readFrom(reader, log.parts, goesOn, place, signal)) {
        delivered += piece.length;
        failures = 0;
        isLost = false;
        yield piece;
      }
      if (!goesOn) return;
      hasEnded = !(await isGrowing(log));
      // Read once more: what was written since, and what the next pod wrote.
      if (hasEnded) continue;
    } catch (error) {
      // A pod that is gone may have been replaced by another one. It is looked for once.
      const mayBeReplaced: boolean = goesOn && !isLost && log?.isOfPods === true && isOver(error, delivered);
      isLost ||= mayBeReplaced;
      const isComing = (goesOn && isWaiting(error)) || (mayBeReplaced && (await isGrowing(log)));
      if (signal.aborted || (!isComing && (isOver(error, delivered) || (hasEnded && !isPassing(error))))) return;
      const attempts = delivered > 0 ? attemptsWithin : patience.attempts;
      if (!isComing && (!isPassing(error) || failures + 1 >= attempts || (delivered > 0 && !follow)))
        throw explained(error, source, build);
      if (isComing) failures = 0;
    }
    failures += 1;
    await sleep(patience.clock, backoffDelay(failures, patience.backoff, Math.random()), signal);
  }

  function isGrowing(log: FoundLog | undefined): Promise<boolean> {
    return retrying(patience, signal, async () => log?.isGrowing(signal) ?? false);
  }
}

/** How far a log was read: the bytes of its parts, and those that have ended because others follow. */
interface Place {
  readonly read: Map<string, number>;
  readonly ended: Set<string>;
}

/** Continues reading, part by part. The next call reads the last part again, because it can have grown. */
async function* readFrom(
  { api, silence }: LogReader,
  parts: readonly LogPart[],
  follow: boolean,
  { read, ended }: Place,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const left = parts.filter(({ id }) => !ended.has(id));
  for (const part of left) {
    if (part.heading !== undefined && !read.has(part.id)) yield Buffer.from(`${part.heading}\n`);
    let skip = read.get(part.id) ?? 0;
    read.set(part.id, skip);
    for await (const chunk of readPart(api, part, {}, follow ? silence * silenceFactor : silence, signal)) {
      if (skip < chunk.length) {
        read.set(part.id, (read.get(part.id) ?? 0) + chunk.length - skip);
        yield chunk.subarray(skip);
      }
      skip = Math.max(skip - chunk.length, 0);
    }
    if (part !== left.at(-1)) ended.add(part.id);
  }
}

/** The pod of a build can be gone when its log is read again. */
function isOver(error: unknown, delivered: number): boolean {
  return delivered > 0 && error instanceof ApiError && ["NotFound", "Refused"].includes(error.fault);
}

/** The API server waits 30 s for a build to start (openshift-apiserver, registry/buildlog). A pod answers at once that its container has not started. */
function isWaiting(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return ["timed out waiting for build", "unable to wait for build", "is waiting to start"].some((said) =>
    error.message.includes(said),
  );
}

function explained(error: unknown, { kind, resource }: BuildSource, { namespace, name }: NamedBuild): Error {
  const fault = error instanceof ApiError ? error.fault : undefined;
  const said = error instanceof Error ? error.message : String(error);
  const message = {
    NotFound: `There is no ${kind} ${namespace}/${name}: oc get ${resourceName(resource)} -n ${namespace} lists what there is`,
    Refused: `There is no log for the ${kind} ${namespace}/${name} (${said})`,
  }[fault as string];
  if (message === undefined) return asClusterError(error, { verb: "get", resource: `${resourceName(resource)}/log`, namespace });
  return new SetupError(message, { cause: error });
}
