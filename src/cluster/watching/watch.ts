import { type Clock, sleep } from "../../core/clock.ts";
import type { Gate } from "../../core/gate.ts";
import type { Api, Query } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import { judge, judgePassing } from "../api/trouble.ts";
import type { WatchTrouble } from "../cluster.ts";
import { type Cursor, createCursor, fail, isDeaf, mayPass, recover, unheardWhenDeaf, type WatchPace } from "./cursor.ts";
import type { Outage } from "./outage.ts";
import { listPages } from "./pages.ts";
import { createWatchDecoder, type ReadObject, type WatchBatch } from "./watch-events.ts";

/** What a watch of one path reports, in order; see `BuildSighting`. */
export type Sighting<T> =
  | { readonly kind: "objects"; readonly objects: readonly T[]; readonly listed: boolean }
  | { readonly kind: "synced"; readonly startedAt: number }
  | { readonly kind: "alive" }
  | ({ readonly kind: "trouble" } & WatchTrouble);

/** client-go's numbers (tools/cache/reflector.go), and one list per day. */
export const usualPace: WatchPace = {
  backoff: { initial: 800, cap: 30_000 },
  soundAfter: 5_000,
  shortest: 1_000,
  relistEvery: 24 * 60 * 60_000,
};

export interface WatchSettings<T> {
  readonly api: Api;
  readonly path: string;
  /** The plural, for messages. */
  readonly resource: string;
  readonly namespace: string | undefined;
  /** The template that grants the right to read them, where the role `view` does not; see `Access`. */
  readonly template?: string | undefined;
  /** What is kept of an object. */
  readonly read: ReadObject<T>;
  readonly labelSelector: string | undefined;
  readonly clock: Clock;
  readonly pageSize: number;
  /** Milliseconds of silence after which a watch counts as dead and is reopened. */
  readonly watchTimeout: number;
  readonly pace: WatchPace;
  /** Limits how many lists run at once. */
  readonly listing: Gate;
  readonly outage: Outage;
}

/** Lists and then watches one path: every state of its objects at least once. Ends only by the signal, and never throws. */
export async function* follow<T>(settings: WatchSettings<T>, signal: AbortSignal): AsyncGenerator<Sighting<T>> {
  const cursor = createCursor();
  while (!signal.aborted) {
    const doing = { verb: "list" as "list" | "watch" };
    try {
      if (cursor.listDue || settings.clock.now() - cursor.listedAt >= settings.pace.relistEvery)
        yield* list<T>(settings, cursor, signal);
      doing.verb = "watch";
      yield* watch<T>(settings, cursor, signal);
    } catch (error) {
      if (signal.aborted) return;
      const access = { ...doing, resource: settings.resource, namespace: settings.namespace, template: settings.template };
      const lasting = judge(error, access);
      const judgement = (mayPass(cursor) && judgePassing(lasting, error, access)) || lasting;
      const retryIn = fail(cursor, judgement, settings.pace);
      const deaf = error instanceof ApiError && error.fault === "Deaf";
      if (!deaf || cursor.unheard === unheardWhenDeaf)
        yield { kind: "trouble", reason: judgement.reason, message: judgement.message, retryIn };
      // After another trouble, an opened watch counts as recovered again; a forgotten position is not such a trouble.
      if (!deaf && judgement.reason !== "Expired") cursor.unheard = Math.min(cursor.unheard, 1);
      if (judgement.isAway && judgement.retryAfter === undefined) await settings.outage.wait(retryIn, signal);
      else await sleep(settings.clock, retryIn, signal);
    }
  }
}

/** If the watch's position is still valid, a list does not change it, so that nothing in between is skipped, above all deletions. */
async function* list<T>(settings: WatchSettings<T>, cursor: Cursor, signal: AbortSignal): AsyncGenerator<Sighting<T>> {
  const { api, path, labelSelector, pageSize, clock } = settings;
  const read = (object: unknown) => settings.read(object, false);
  const leave = await settings.listing.enter(signal);
  try {
    const startedAt = clock.now();
    let resourceVersion: string | undefined;
    for await (const page of listPages({ api, path, query: { labelSelector }, pageSize, silence: api.patience, read }, signal)) {
      resourceVersion = page.resourceVersion;
      if (page.items.length > 0) yield { kind: "objects", objects: page.items, listed: true };
    }
    cursor.resourceVersion ??= resourceVersion;
    cursor.listDue = false;
    cursor.listedAt = startedAt;
    yield { kind: "synced", startedAt };
  } finally {
    leave();
  }
}

async function* watch<T>(settings: WatchSettings<T>, cursor: Cursor, signal: AbortSignal): AsyncGenerator<Sighting<T>> {
  const { api, path, clock, pace, watchTimeout } = settings;
  const stream = await api.open(path, watchQuery(settings, cursor), watchTimeout, signal);
  const openedAt = clock.now();
  const decoder = createWatchDecoder<T>(settings.read);
  cursor.hasWorked = true;
  cursor.refusals = 0;
  let heard = false;
  let heardAt = openedAt;
  try {
    if (!isDeaf(cursor)) yield { kind: "alive" };
    for await (const chunk of stream.chunks) {
      const batch = decoder.decode(chunk);
      if (batch.resourceVersion !== undefined) heard = true;
      else if (clock.now() - heardAt >= watchTimeout) throw new ApiError("Silent", "it sends bytes without an event");
      yield* deliver(batch, cursor);
      if (batch.resourceVersion !== undefined) heardAt = clock.now();
    }
    yield* deliver(decoder.finish(), cursor);
    cursor.unheard = 0;
  } catch (error) {
    if (!(error instanceof ApiError && error.fault === "Silent")) throw error;
    if (!heard) cursor.unheard += 1;
    if (isDeaf(cursor)) throw new ApiError("Deaf", "not even a bookmark");
    return;
  } finally {
    stream.end();
    if (clock.now() - openedAt >= pace.soundAfter && !isDeaf(cursor)) recover(cursor);
  }
  if (!heard && clock.now() - openedAt < pace.shortest) throw new ApiError("Broken", "it ends the watch as soon as it is open");
}

/** The position moves on only when the consumer asks for more, because then it has handled the batch. */
async function* deliver<T>(batch: WatchBatch<T>, cursor: Cursor): AsyncGenerator<Sighting<T>> {
  if (batch.objects.length > 0) yield { kind: "objects", objects: batch.objects, listed: false };
  else if (batch.resourceVersion !== undefined) yield { kind: "alive" };
  if (batch.resourceVersion !== undefined) {
    cursor.resourceVersion = batch.resourceVersion;
    recover(cursor);
    cursor.unheard = 0;
  }
  if (batch.error) throw batch.error;
}

/** Watches end after five to ten minutes, at random, as in client-go, so that they do not all end at once on a busy server. */
function watchQuery({ labelSelector }: WatchSettings<unknown>, { resourceVersion }: Cursor): Query {
  const timeoutSeconds = 300 + Math.floor(Math.random() * 300);
  return { watch: true, allowWatchBookmarks: true, resourceVersion, labelSelector, timeoutSeconds };
}
