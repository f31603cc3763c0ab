import { createHash } from "node:crypto";
import type { LookupFunction } from "node:net";
import axios from "axios";
import { Webhook } from "standardwebhooks";
import type { Clock } from "../core/clock.ts";
import { noProxies, type Proxies } from "../core/hosts/proxy.ts";
import { parseRetryAfter } from "../core/jobs/retry.ts";
import { createAgents, proxyFailure } from "../network/agents.ts";
import { refusedCode } from "../network/guarded-lookup.ts";
import { type AddressRules, guardedLookup } from "./addresses.ts";
import { chatMessage, type NotifyFormat } from "./chat-messages.ts";
import type { Delivery, Notification, Notifier } from "./notifier.ts";
import { createReceiver, type Receiver } from "./receiver.ts";

export interface NotifierSettings extends AddressRules {
  readonly urls: readonly string[];
  /** What is sent; default: CloudEvents. */
  readonly format?: NotifyFormat;
  /** Where people reach the page, for links in chat messages. */
  readonly pageUrl?: string | undefined;
  /** `whsec_…`; without it notifications are not signed. */
  readonly secret: string | undefined;
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
  /** Called with every request that ended; without a status when there was no answer. */
  readonly onRequest?: (request: { method: string; status: number | undefined; milliseconds: number }) => void;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** Milliseconds a receiver may take to answer. */
const requestTimeout = 20_000;

/** Delivers by POST: structured CloudEvents, signed by Standard Webhooks, or messages for a chat. Only a 2xx is success. After 410 this receiver gets nothing more. */
export function createHttpNotifier(settings: NotifierSettings): Notifier {
  const { urls, secret, clock, random = Math.random, format = "cloudevents" } = settings;
  const signer = secret === undefined ? undefined : new Webhook(secret);
  const agents = createAgents(settings.proxies ?? noProxies);
  const lookup = guardedLookup(settings);
  const receivers = new Map(urls.map((url) => [receiverId(url), createReceiver(url, settings, clock, random)]));

  return {
    receivers: [...receivers.keys()],
    close: () => agents.close(),
    async deliver(id, event, signal): Promise<Delivery> {
      const receiver = receivers.get(id);
      if (!receiver) return { dropped: "not-configured" };
      if (receiver.isGone()) return { dropped: "gone" };
      receiver.assertReady();
      const { status, retryAfter } = await post(receiver, event, signal);
      if (status < 200 || status >= 300) throw receiver.failed(status, parseRetryAfter(retryAfter, clock.now()));
      receiver.succeeded();
      return { status };
    },
  };

  async function post(receiver: Receiver, event: Notification, signal: AbortSignal) {
    const body = JSON.stringify(format === "cloudevents" ? event : chatMessage(event, format, jobUrl(event, settings.pageUrl)));
    const startedAt = clock.now();
    const deadline = new AbortController();
    const cancel = clock.schedule(requestTimeout, () => deadline.abort());
    const ended = (status?: number) => settings.onRequest?.({ method: "POST", status, milliseconds: clock.now() - startedAt });
    const { via, ...way } = agents.wayTo(new URL(receiver.url), "", () => ({ lookup }));
    try {
      if (via !== undefined) await assertAllowed(receiver.url, lookup);
      const headers = format === "cloudevents" ? headersOf(event, body, startedAt, signer) : chatHeaders;
      const both = AbortSignal.any([signal, deadline.signal]);
      const response = await axios.post(receiver.url, body, { ...request, ...way, headers, signal: both });
      response.data.destroy();
      ended(response.status);
      return { status: response.status, retryAfter: textOf(response.headers["retry-after"]) };
    } catch (error) {
      ended();
      if (signal.aborted) throw signal.reason;
      throw receiver.unreachable(deadline.signal.aborted ? "ETIMEDOUT" : codeOf(error), proxyFailure(error, via));
    } finally {
      cancel();
    }
  }
}

const chatHeaders = { "Content-Type": "application/json; charset=utf-8", "User-Agent": "build-watcher" };

/** The page of the job that an event is about. */
function jobUrl({ data }: Notification, pageUrl: string | undefined): string | undefined {
  const { job } = data as { readonly job?: { readonly id?: unknown } };
  if (pageUrl === undefined || typeof job?.id !== "string") return undefined;
  return `${pageUrl.endsWith("/") ? pageUrl.slice(0, -1) : pageUrl}/jobs/${encodeURIComponent(job.id)}`;
}

function receiverId(url: string): string {
  return createHash("sha256").update(url).digest("hex").slice(0, 16);
}

const request = {
  maxRedirects: 0,
  responseType: "stream",
  validateStatus: () => true,
  transformRequest: (data: unknown) => data,
} as const;

/** A proxy looks hosts up itself. It is not asked for hosts that resolve to refused addresses here. Names that only the proxy knows are allowed. */
function assertAllowed(url: string, lookup: LookupFunction): Promise<void> {
  return new Promise((resolve, reject) => {
    lookup(new URL(url).hostname, { all: true }, (error) => (error?.code === refusedCode ? reject(error) : resolve()));
  });
}

/** Standard Webhooks: the id stays the same over all attempts, the timestamp is this attempt's. */
function headersOf({ id }: Notification, body: string, now: number, signer: Webhook | undefined): Record<string, string> {
  const time = new Date(now);
  return {
    "Content-Type": "application/cloudevents+json; charset=utf-8",
    "User-Agent": "build-watcher",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now / 1000)),
    ...(signer && { "webhook-signature": signer.sign(id, time, body) }),
  };
}

/** The code of an axios error or of its cause. The error itself is dropped, because it holds the URL. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return textOf(code) ?? codeOf(cause);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
