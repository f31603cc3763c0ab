import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import type { Proxies, ProxyServer } from "../core/hosts/proxy.ts";

/** The traits of a kind of connection. */
interface AgentTraits {
  readonly tls?: { readonly ca?: string[]; readonly secureContext?: SecureContext; readonly rejectUnauthorized?: boolean };
  /** How to look up hosts that are reached directly. */
  readonly lookup?: LookupFunction | undefined;
}

/** How to send a request to one URL, in axios' field names. */
export interface Way {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
  /** Without this axios reads the environment itself. */
  readonly proxy?: false;
  /** The proxy's name for messages. */
  readonly via: string | undefined;
}

export interface Agents {
  /** How to reach a URL. Connections are kept per `key` of traits. */
  wayTo(url: URL, key: string, traits: () => AgentTraits): Way;
  close(): void;
}

/** Milliseconds a proxy may take to open a tunnel. */
const usualTunnelTimeout = 15_000;

/** Milliseconds for which an idle connection is kept: images can lead to ever more hosts. */
const usualIdleTimeout = 60_000;

/** Connections kept alive, through the operator's proxies. */
export function createAgents(proxies: Proxies, tunnelTimeout = usualTunnelTimeout, idleTimeout = usualIdleTimeout): Agents {
  const ways = new Map<string, Way>();
  return {
    wayTo(url, key, traits) {
      const proxy = proxies.proxyFor(url);
      const full = `${proxy?.url ?? ""} ${key}`;
      const known = ways.get(full);
      if (known) return known;
      const way = proxy ? through(proxy, traits(), tunnelTimeout) : directly(traits(), idleTimeout);
      ways.set(full, way);
      return way;
    },
    close() {
      for (const { httpAgent, httpsAgent } of ways.values()) {
        httpAgent.destroy();
        httpsAgent.destroy();
      }
    },
  };
}

/** The agent's timeout ends only connections that are idle. */
function directly({ tls, lookup }: AgentTraits, idleTimeout: number): Way {
  const shared = { keepAlive: true, timeout: idleTimeout, ...(lookup && { lookup }) };
  return { httpAgent: new HttpAgent(shared), httpsAgent: new HttpsAgent({ ...shared, ...tls }), proxy: false, via: undefined };
}

/** The proxy looks hosts up itself, and was named by the operator. */
function through({ url, name }: ProxyServer, { tls }: AgentTraits, tunnelTimeout: number): Way {
  const shared = { keepAlive: true, proxyEnv: { HTTP_PROXY: url, HTTPS_PROXY: url }, timeout: tunnelTimeout };
  return { httpAgent: new HttpAgent(shared), httpsAgent: new HttpsAgent({ ...shared, ...tls }), via: name };
}

/** Why a proxy did not open a tunnel, for a message; undefined for another failure. */
export function proxyFailure(error: unknown, via: string | undefined): string | undefined {
  if (via === undefined) return undefined;
  const { code, cause, statusCode, message } = findCause(error);
  // Axios wraps Node's error, and only that one knows the status.
  const deeper = cause === undefined ? undefined : proxyFailure(cause, via);
  if (deeper !== undefined) return deeper;
  if (code === "ERR_PROXY_TUNNEL") {
    if (statusCode === 407)
      return `the proxy ${via} asks for a login (407): put it into HTTPS_PROXY as http://user:password@host:port`;
    if (statusCode !== undefined) return `the proxy ${via} refused the connection (${statusCode})`;
    return `the proxy ${via} did not open a connection${/timed? ?out/i.test(message ?? "") ? " in time" : ": it is no HTTP proxy, or it closed the connection"}`;
  }
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EHOSTUNREACH") {
    return `the proxy ${via} (HTTPS_PROXY, HTTP_PROXY) cannot be reached (${code})`;
  }
  return undefined;
}

/** The same for a request by plain HTTP, which a proxy answers itself; undefined when it can be the server's answer. */
export function proxyRefusal(status: number, via: string | undefined): string | undefined {
  return status === 407 && via !== undefined ? proxyWantsLogin(via) : undefined;
}

function proxyWantsLogin(via: string): string {
  return `the proxy ${via} asks for a login (407): put it into HTTPS_PROXY and HTTP_PROXY as http://user:password@host:port`;
}

function findCause(error: unknown): { code?: string; cause?: unknown; statusCode?: number; message?: string } {
  return typeof error === "object" && error !== null ? error : {};
}
