import { ApiError } from "../../cluster/api/api-error.ts";
import { resourceName } from "../../cluster/api/paths.ts";
import { isPassing, retrying } from "../../cluster/api/retrying.ts";
import { asClusterError } from "../../cluster/api/trouble.ts";
import type { NamedBuild } from "../../core/builds/build.ts";
import { sleep } from "../../core/clock.ts";
import { SetupError } from "../../core/jobs/errors.ts";
import { backoffDelay } from "../../core/jobs/retry.ts";
import type { BuildSource, LogPart } from "../build-source.ts";
import type { LogReader } from "./build-log.ts";
import { readPart } from "./parts.ts";

/** After this many attempts without a new byte a started log is given up. That takes a few minutes. */
const attemptsWithin = 10;

/** A build can be silent for longer than a server. */
const silenceFactor = 5;

/** Streams a log; see `Cluster.streamBuildLog`. A log only grows, so a log that is opened again continues after the bytes already read. */
export async function* streamBuildLog(
  reader: LogReader,
  source: BuildSource,
  build: NamedBuild,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { api, patience } = reader;
  const place: Place = { part: 0, bytes: 0, headings: 0 };
  let delivered = 0;
  let failures = 0;
  let hasEnded = false;
  while (!signal.aborted) {
    const goesOn = follow && !hasEnded;
    try {
      const log = await source.findLog(api, build, goesOn, signal);
      for await (const piece of readFrom(reader, log.parts, goesOn, place, signal)) {
        delivered += piece.length;
        failures = 0;
        yield piece;
      }
      if (!goesOn) return;
      hasEnded = !(await retryingly(() => log.isGrowing(signal)));
      // Read once more: what was written since, and what the next pod wrote.
      if (hasEnded) continue;
    } catch (error) {
      const isComing = goesOn && isWaiting(error);
      if (signal.aborted || (!isComing && (isOver(error, delivered) || (hasEnded && !isPassing(error))))) return;
      const attempts = delivered > 0 ? attemptsWithin : patience.attempts;
      if (!isComing && (!isPassing(error) || failures + 1 >= attempts || (delivered > 0 && !follow)))
        throw explained(error, source, build);
      if (isComing) failures = 0;
    }
    failures += 1;
    await sleep(patience.clock, backoffDelay(failures, patience.backoff, Math.random()), signal);
  }

  function retryingly<T>(ask: () => Promise<T>): Promise<T> {
    return retrying(patience, signal, ask);
  }
}

/** How far a log was read: bytes of this part, and headings already shown. */
interface Place {
  part: number;
  bytes: number;
  headings: number;
}

/** Continues reading, part by part. The next call reads the last part again, because it can have grown. */
async function* readFrom(
  { api, silence }: LogReader,
  parts: readonly LogPart[],
  follow: boolean,
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let part = parts[place.part]; part; part = parts[place.part]) {
    if (part.heading !== undefined && place.headings <= place.part) {
      yield Buffer.from(`${part.heading}\n`);
      place.headings = place.part + 1;
    }
    let skip = place.bytes;
    for await (const chunk of readPart(api, part, {}, follow ? silence * silenceFactor : silence, signal)) {
      if (skip < chunk.length) {
        place.bytes += chunk.length - skip;
        yield chunk.subarray(skip);
      }
      skip = Math.max(skip - chunk.length, 0);
    }
    if (place.part + 1 >= parts.length) return;
    place.part += 1;
    place.bytes = 0;
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
