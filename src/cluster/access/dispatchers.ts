import { createHash } from "node:crypto";
import type { RequestOptions } from "node:https";
import type { Dispatcher } from "undici";
import type { ClusterContext } from "./context.ts";
import { Agent, ProxyAgent, Socks5ProxyAgent } from "./undici.ts";

/** Milliseconds that a TCP connection and TLS handshake may take. */
const connectTimeout = 10_000;

/** client-go's interval of TCP probes, below the idle limit of usual load balancers. */
const keepAliveProbe = 30_000;

/** Keeps connections. */
export interface Dispatchers {
  current(context: ClusterContext, options: RequestOptions): Dispatcher;
  close(): Promise<void>;
}

/** One long-lived dispatcher, replaced only when the TLS material or the proxy changes; running requests end with the old one. */
export function createDispatchers(): Dispatchers {
  const open = new Set<Dispatcher>();
  let latest: { readonly key: string; readonly dispatcher: Dispatcher } | undefined;

  function retire(dispatcher: Dispatcher): void {
    dispatcher.close().then(
      () => open.delete(dispatcher),
      () => {},
    );
  }

  return {
    current(context, options) {
      const key = fingerprint(context, options);
      if (latest?.key === key) return latest.dispatcher;
      if (latest) retire(latest.dispatcher);
      latest = { key, dispatcher: createDispatcher(context, options) };
      open.add(latest.dispatcher);
      return latest.dispatcher;
    },
    async close() {
      await Promise.all([...open].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function createDispatcher(
  context: ClusterContext,
  { ca, cert, key, rejectUnauthorized, servername }: RequestOptions,
): Dispatcher {
  const tls = dropUndefined({ ca, cert, key, rejectUnauthorized, servername });
  const connect = { ...tls, timeout: connectTimeout, keepAlive: true, keepAliveInitialDelay: keepAliveProbe };
  const proxy = context.proxyUrl;
  if (proxy?.startsWith("socks")) return new Socks5ProxyAgent(proxy, { requestTls: tls });
  if (proxy) return new ProxyAgent({ uri: proxy, requestTls: connect, allowH2: false });
  return new Agent({ connect, allowH2: false });
}

function fingerprint(context: ClusterContext, { ca, cert, key, rejectUnauthorized, servername }: RequestOptions): string {
  const hash = createHash("sha256").update(JSON.stringify([context.proxyUrl, rejectUnauthorized, servername]));
  for (const part of [ca, cert, key]) hash.update(`\0${String(part ?? "")}`);
  return hash.digest("hex");
}

function dropUndefined<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null)) as T;
}
