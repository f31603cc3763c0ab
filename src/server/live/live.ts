import type { Clock } from "../../core/clock.ts";
import type { Problem } from "../../core/jobs/problems.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";
import { createLine } from "../listening/line.ts";
import { fits, isFiltered, type ListFilter, listPath } from "../records/list-filter.ts";
import { foldedProblems, type Status } from "../status.ts";
import { toText } from "../views/html.ts";
import { overview, overviewLine, pageTitle } from "../views/overview.ts";
import type { NumberedEvent } from "./event-ring.ts";
import { createFeed, type Feed } from "./feed.ts";
import { createPace } from "./pace.ts";

/** Where a page's stream goes: the used part of an HTTP response. */
export interface EventSink {
  write(text: string): unknown;
  end(): unknown;
  /** Drops the connection. */
  destroy(): unknown;
  /** Bytes written that the other side has not taken yet. */
  readonly writableLength: number;
}

/** What a page shows: a list, or one job. */
export type Subject = { readonly kind: "list"; readonly filter: ListFilter } | { readonly kind: "job"; readonly id: string };

/** Sends changes to open pages as server-sent events. Reads the queue only while there are open pages. */
export interface Live {
  /** The stream's position now: a page made after this resolved needs no earlier event. */
  position(): Promise<string>;
  /** Adds a page that has seen everything up to a position. Returns a function that removes it; false: too many are open. */
  connect(sink: EventSink, subject: Subject, since: string | undefined): (() => void) | false;
  /** Ends every stream. */
  close(): void;
}

export interface LiveSettings {
  readonly queue: Pick<JobQueue, "recent" | "ofGroups">;
  readonly status: () => Promise<Status>;
  readonly clock: Clock;
}

/** Milliseconds between two looks at the queue. */
const pace = 300;
const overviewPace = 1_000;
/** Milliseconds between comments that keep a silent connection open; proxies give up after 30 s. */
const heartbeatPace = 15_000;
const reconnectDelay = 2_000;
const longestBacklog = 256 * 1024;
const mostClients = 500;

interface Client {
  readonly sink: EventSink;
  readonly subject: Subject;
  /** The last event it was sent; undefined before the first. */
  position: string | undefined;
}

export function createLive({ queue, status, clock }: LiveSettings): Live {
  const feed = createFeed(queue);
  const clients = new Set<Client>();
  const line = createLine();
  let cancelTick: (() => void) | undefined;
  const catchUp = createCatchUp(feed);
  const top = createOverview(status);
  const heartbeatDue = createPace(heartbeatPace);

  async function tick(): Promise<void> {
    const now = clock.now();
    const news = await feed
      .look(now)
      .then(() => top.news(now))
      .catch(nothingNew);
    const common = news + (heartbeatDue(now) ? ": still here\n\n" : "");
    const textOf = sameForAll((position, subject) => textSince(feed, position, subject, top.folded()) + common);
    for (const client of clients) {
      line.add(() => {
        if (client.position !== undefined && clients.has(client)) send(client, textOf(client.position, client.subject));
      });
    }
    line.add(() => {
      cancelTick = clients.size > 0 ? clock.schedule(pace, tick) : undefined;
    });
  }

  function send(client: Client, text: string): void {
    client.position = feed.position();
    if (text === "") return;
    client.sink.write(text);
    if (client.sink.writableLength <= longestBacklog) return;
    clients.delete(client);
    client.sink.destroy();
  }

  /** Brings the stream up to date if nobody listened, once for all who come at the same time, and returns its position. */
  async function position(): Promise<string> {
    if (![...clients].some((client) => client.position !== undefined)) await catchUp(clock.now());
    return feed.position();
  }

  async function greet(client: Client, since: string | undefined): Promise<void> {
    await position();
    const whole = await top.whole(clock.now());
    line.add(() => {
      if (!clients.has(client)) return;
      const missed = since === undefined ? "" : textSince(feed, since, client.subject, top.folded());
      send(client, `retry: ${reconnectDelay}\n\n${missed}${whole}`);
      cancelTick ??= clock.schedule(pace, tick);
    });
  }

  return {
    position,
    connect(sink, subject, since) {
      if (clients.size >= mostClients) return false;
      const client: Client = { sink, subject, position: undefined };
      clients.add(client);
      greet(client, since).catch(() => {
        // The page connects again by itself.
        if (clients.delete(client)) sink.destroy();
      });
      return () => clients.delete(client);
    },
    close() {
      cancelTick?.();
      for (const { sink } of clients) sink.end();
      clients.clear();
    },
  };
}

/** Looks once for all who ask within the pace of looking. */
function createCatchUp(feed: Feed): (now: number) => Promise<void> {
  let last: { readonly at: number; readonly done: Promise<void> } | undefined;
  return (now) => {
    if (!last || Math.abs(now - last.at) >= pace) last = { at: now, done: feed.look(now) };
    return last.done;
  };
}

/** While the queue cannot be read, pages only learn that the bot is there. They get what they missed afterwards. */
function nothingNew(): string {
  return "";
}

interface Overview {
  /** The event, if something changed other than signs of life. */
  news(now: number): Promise<string>;
  /** The same, changed or not. */
  whole(now: number): Promise<string>;
  /** The failures that are shown instead of their waiting jobs, as last read. */
  folded(): readonly Folded[];
}

type Folded = Pick<Problem, "reason" | "host">;

function createOverview(status: () => Promise<Status>): Overview {
  const due = createPace(overviewPace);
  let shown = "";
  let folded: readonly Folded[] = [];
  let last: { readonly at: number; readonly text: string } | undefined;
  let reading: Promise<string> | undefined;

  function textOfStatus(read: Status, now: number): string {
    folded = foldedProblems(read.problems);
    last = { at: now, text: overviewText(read, now) };
    return last.text;
  }

  function readWhole(now: number): Promise<string> {
    reading ??= status()
      .then((read) => textOfStatus(read, now))
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  return {
    // Pages that connect at the same time get the same text. They get news with all others.
    whole: async (now) => (last && Math.abs(now - last.at) < overviewPace ? last.text : readWhole(now)),
    folded: () => folded,
    async news(now) {
      if (!due(now)) return "";
      const read = await status();
      const told = JSON.stringify({
        ...read,
        lastSignAt: undefined,
        replicas: read.replicas.map((one) => ({ ...one, seenAt: 0 })),
      });
      if (told === shown) return "";
      shown = told;
      return textOfStatus(read, now);
    },
  };
}

function overviewText(status: Status, now: number): string {
  return eventText("overview", { html: toText(overview(status, now)), line: overviewLine(status), title: pageTitle(status) });
}

/** Makes a text once for all pages that show the same and have seen the same. */
function sameForAll(make: (position: string, subject: Subject) => string): typeof make {
  const made = new Map<string, string>();
  return (position, subject) => {
    const key = `${position} ${keyOf(subject)}`;
    const text = made.get(key) ?? make(position, subject);
    made.set(key, text);
    return text;
  };
}

/** Pages with the same key get the same events. */
function keyOf(subject: Subject): string {
  return subject.kind === "job" ? `job ${subject.id}` : listPath(subject.filter);
}

/** What a page that has seen everything up to a position gets: a request to reload if that position is no longer known. */
function textSince(feed: Feed, position: string, subject: Subject, folded: readonly Folded[]): string {
  const events = feed.after(position);
  return events ? textFor(subject, events, folded) : eventText("refresh", {}, feed.position());
}

function textFor(subject: Subject, events: readonly NumberedEvent[], folded: readonly Folded[]): string {
  return events.map((numbered) => textOf(subject, numbered, folded)).join("");
}

function textOf(subject: Subject, { id, event }: NumberedEvent, folded: readonly Folded[]): string {
  if (event.kind === "refresh") return eventText("refresh", {}, id);
  const { group, row } = event;
  const { members } = group;
  if (subject.kind === "job") return members.some(({ job }) => job.id === subject.id) ? eventText("refresh", {}, id) : "";
  const { filter } = subject;
  const isFolded = !isFiltered(filter) && members.every((record) => folded.some((problem) => waitsFor(record, problem)));
  const isNew = filter.before === undefined && members.some((record) => fits(record, filter)) && !isFolded;
  return eventText("row", { id: `row-${group.id}`, html: toText(row), fits: isNew }, id);
}

function waitsFor({ state, error }: JobRecord, { reason, host }: Folded): boolean {
  return (state === "waiting" || state === "running") && error?.reason === reason && error?.host === host;
}

function eventText(name: string, data: object, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
