import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobHandler, JobQueue } from "../../src/queue/job-queue.ts";
import { type ActivityMonitor, createActivity } from "../../src/server/activity.ts";
import { type BuildsMonitor, createBuilds } from "../../src/server/builds.ts";
import type { Health } from "../../src/server/health.ts";
import type { AccessSettings } from "../../src/server/listening/access.ts";
import type { PageSettings } from "../../src/server/page-parts.ts";
import { openServer, type ServerSettings } from "../../src/server/server.ts";
import { knownSources } from "../../src/sources/index.ts";
import { putEmptyLedger } from "./empty-ledger.ts";

const pages = Object.fromEntries(knownSources.map((source) => [source.kind, source.console]));

export interface PageServerOptions extends Pick<ServerSettings, "admin" | "report"> {
  readonly clock?: Clock;
  readonly access?: Partial<AccessSettings>;
  readonly namespaces?: readonly (string | undefined)[];
  readonly track?: readonly string[];
  readonly ready?: Health;
  readonly workers?: number;
  readonly readBuildLog?: PageSettings["readBuildLog"];
  readonly pushRegistry?: string;
  readonly addresses?: PageSettings["addresses"];
  readonly console?: string;
  readonly packages?: PageSettings["packages"];
  /** Takes the place of parts of the queue as the page sees it. */
  readonly queue?: Partial<PageSettings["queue"]>;
}

/** A status page over a real ledger in a directory of its own. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly queue: JobQueue;
  readonly activity: ActivityMonitor;
  readonly builds: BuildsMonitor;
  /** Sets the queue to work; the page's activity is told as in the bot. */
  work(handle: JobHandler): void;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** The token that the forms of the page carry. */
  formToken(): Promise<string>;
  post(path: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<Response>;
}

export async function openPageServer(options: PageServerOptions = {}): Promise<PageServer> {
  const { clock = systemClock, namespaces = ["shop"], track = [], ready = { ok: true }, workers = 1, access = {} } = options;
  await using opened = new AsyncDisposableStack();
  const directory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-page-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  putEmptyLedger(directory);
  const settings = { directory, workers, jobTimeout: 3_600_000, giveUpAfter: 3_600_000, synchronous: "normal" as const };
  const queue = opened.adopt(openEmbeddedQueue({ ...settings, clock, random: () => 0.5 }), (part) => part.close());
  const activity = createActivity(clock);
  const builds = createBuilds({ track: [], matchesLabels: () => true }, clock);
  const health = { liveness: () => ({ ok: true }) as const, readiness: () => ready };
  const server = opened.use(
    await openServer({
      host: "127.0.0.1",
      port: 0,
      health,
      ...options,
      page: {
        queue: { ...queue, ...options.queue },
        activity,
        health,
        namespaces,
        track,
        version: "1.2.3",
        pushRegistry: options.pushRegistry,
        addresses: options.addresses ?? {},
        console: () => (options.console === undefined ? undefined : { url: options.console, pages }),
        builds,
        packages: options.packages,
        clock,
        analyzers: [{ name: "thoth" }],
        access: { apiToken: undefined, publicUrl: undefined, ...access },
        readBuildLog: options.readBuildLog ?? (async () => undefined),
      },
    }),
  );
  const parts = opened.move();

  return {
    url: server.url,
    adminUrl: server.adminUrl,
    queue,
    activity,
    builds,
    work: (handle) => queue.work(handle, activity.onAttempt),
    get: (path, headers = {}) => fetch(`${server.url}${path}`, { headers, redirect: "manual" }),
    formToken: async () => / data-form-token="([^"]+)"/.exec(await (await fetch(`${server.url}/`)).text())?.[1] ?? "",
    post: (path, headers = {}, body = "") => fetch(`${server.url}${path}`, { method: "POST", headers, body, redirect: "manual" }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
