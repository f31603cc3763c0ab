import { randomBytes } from "node:crypto";
import type { RequestHandler } from "express";
import type { Metrics } from "../telemetry/metrics.ts";
import { createApplication } from "./application.ts";
import type { HealthProbes } from "./health.ts";
import { type Address, openListener } from "./listening/listener.ts";
import { createLive, type Live } from "./live/live.ts";
import type { PageSettings } from "./page-parts.ts";
import { createFinder } from "./records/find-records.ts";
import { actionRoutes } from "./routes/actions.ts";
import { apiRoutes } from "./routes/api.ts";
import { assetRoutes } from "./routes/assets.ts";
import { eventRoutes } from "./routes/events.ts";
import { readersOnly } from "./routes/guard.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { packageRoutes } from "./routes/packages.ts";
import { pageRoutes } from "./routes/page.ts";
import { probeRoutes } from "./routes/probes.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { readStatus } from "./status.ts";
import type { WebhookSettings } from "./webhooks/webhook-settings.ts";

export interface ServerSettings extends Address {
  readonly health: HealthProbes;
  /** For `/metrics`; absent: no such path. */
  readonly metrics?: Pick<Metrics, "text" | "contentType">;
  /** For web hooks; absent: there are none. */
  readonly webhooks?: WebhookSettings;
  /** For the page and the API; absent: there are none. */
  readonly page?: PageSettings;
  /** A separate port for probes, metrics and web hooks. */
  readonly admin?: Address | undefined;
  /** Called for requests that could not be answered. */
  readonly report?: (error: unknown) => void;
}

/** Disposing of it ends the streams of open pages first, then every other connection. */
export interface RunningServer extends AsyncDisposable {
  /** Where it is reached from this machine. */
  readonly url: string;
  /** Where probes, metrics and web hooks are. */
  readonly adminUrl: string;
}

/** Serves the page and its API, the probes `/livez` and `/readyz`, `/metrics` and web hooks. Throws `ServerError` when it cannot listen. */
export async function openServer(settings: ServerSettings): Promise<RunningServer> {
  const { page, admin, report = () => undefined } = settings;
  await using opened = new AsyncDisposableStack();
  const live = page && createLive({ queue: page.queue, status: () => readStatus(page), clock: page.clock });
  const forPrograms = programRoutes(settings);
  const forPeople = page && live ? peopleRoutes(page, live) : [];
  const mainRoutes = admin ? forPeople : [...forPrograms, ...forPeople];
  const main = opened.use(await openListener(createApplication(mainRoutes, report), settings, "--port (PORT)"));
  const second =
    admin && opened.use(await openListener(createApplication(forPrograms, report), admin, "BUILD_WATCHER_ADMIN_PORT"));
  opened.defer(() => live?.close());
  const parts = opened.move();
  return { url: main.url, adminUrl: second?.url ?? main.url, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Web hooks can come by any host name, because they have their own secret. */
function programRoutes({ health, metrics, webhooks, page }: ServerSettings): readonly RequestHandler[] {
  const readers = readersOnly(page?.access ?? { apiToken: undefined, publicUrl: undefined });
  return [
    ...(webhooks ? [webhookRoutes(webhooks)] : []),
    readers,
    probeRoutes(health),
    ...(metrics ? [metricsRoutes(metrics)] : []),
  ];
}

function peopleRoutes(page: PageSettings, live: Live): readonly RequestHandler[] {
  const access = { ...page.access, formToken: randomBytes(18).toString("base64url") };
  const parts = { ...page, access, live, ...createFinder(page.queue) };
  return [
    readersOnly(page.access),
    assetRoutes(),
    eventRoutes(parts),
    actionRoutes(parts),
    apiRoutes(parts),
    packageRoutes(parts),
    pageRoutes(parts),
  ];
}
