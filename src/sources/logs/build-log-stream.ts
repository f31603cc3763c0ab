import { ApiError } from "../../cluster/api/api-error.ts";
import { builds, listPath, objectPath } from "../../cluster/api/paths.ts";
import { isPassing, retrying } from "../../cluster/api/retrying.ts";
import { asClusterError } from "../../cluster/api/trouble.ts";
import type { NamedBuild } from "../../cluster/cluster.ts";
import { sleep } from "../../core/clock.ts";
import { JobError } from "../../core/errors.ts";
import { backoffDelay } from "../../core/retry.ts";
import type { LogReader } from "./build-log.ts";

/** Attempts in a row without a new byte before a log that had begun is given up: a few minutes. */
const attemptsWithin = 10;

/** A build is silent for longer than a server may be. */
const silenceFactor = 5;

/** Streams a log; see `Cluster.streamBuildLog`. A log only grows, so that one that is opened again goes on behind the bytes that came. */
export async function* streamBuildLog(
  reader: LogReader,
  build: NamedBuild,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { backoff, clock } = reader.patience;
  let delivered = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const piece of readFrom(reader, build, follow, delivered, signal)) {
        delivered += piece.length;
        failures = 0;
        yield piece;
      }
      if (!follow || !(await isUnderWay(reader, build, signal))) return;
    } catch (error) {
      if (signal.aborted || isOver(error, delivered)) return;
      if (isWaiting(error) && follow) continue;
      const attempts = delivered > 0 ? attemptsWithin : reader.patience.attempts;
      if (!isPassing(error) || failures + 1 >= attempts || (delivered > 0 && !follow)) throw explained(error, build);
    }
    failures += 1;
    await sleep(clock, backoffDelay(failures, backoff, Math.random()), signal);
  }
}

async function* readFrom(
  { api, silence }: LogReader,
  build: NamedBuild,
  follow: boolean,
  position: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const query = follow ? { follow } : { nowait: true };
  const stream = await api.open(
    `${objectPath(builds, build.namespace, build.name)}/log`,
    query,
    follow ? silence * silenceFactor : silence,
    signal,
  );
  let skip = position;
  try {
    for await (const chunk of stream.chunks) {
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(skip - chunk.length, 0);
    }
  } finally {
    stream.end();
  }
}

/** Whether more is to come of a log that ended: a server on its way down ends logs, too. It takes the right to list, which the bot has. */
async function isUnderWay({ api, patience }: LogReader, { namespace, name }: NamedBuild, signal: AbortSignal): Promise<boolean> {
  const path = listPath(builds, namespace);
  const query = { fieldSelector: `metadata.name=${name}` };
  const look = () => retrying(patience, signal, () => api.getJson(path, query, signal));
  const { items } = (await look().catch(() => ({}))) as { items?: readonly { status?: { phase?: unknown } }[] };
  return Array.isArray(items) && ["New", "Pending", "Running"].includes(items[0]?.status?.phase);
}

/** The pod of a build that ran may be gone when its log is asked for again. */
function isOver(error: unknown, delivered: number): boolean {
  return delivered > 0 && error instanceof ApiError && ["NotFound", "Refused"].includes(error.fault);
}

/** openshift-apiserver, registry/buildlog: it waits 30 s for a build to start. */
function isWaiting(error: unknown): boolean {
  return error instanceof ApiError && /timed out waiting for build/.test(error.message);
}

function explained(error: unknown, { namespace, name }: NamedBuild): JobError {
  const fault = error instanceof ApiError ? error.fault : undefined;
  const said = error instanceof Error ? error.message : String(error);
  const message = {
    NotFound: `There is no Build ${namespace}/${name}: oc get builds -n ${namespace} lists what there is`,
    Refused: `There is no log of the Build ${namespace}/${name} (${said})`,
  }[fault as string];
  if (message === undefined) return asClusterError(error, { verb: "get", resource: "builds/log", namespace });
  return new JobError("ClusterUnavailable", message, { retryable: false, cause: error });
}
