import { createRequire } from "node:module";
import type undici from "undici";

const load = createRequire(import.meta.url);

/** The parts of undici that send requests. Its index also loads `fetch`, web sockets and mocks, which take 4 MB of memory and are not used. */
export const { Agent, ProxyAgent, Socks5ProxyAgent } = parts();

function parts(): Pick<typeof undici, "Agent" | "ProxyAgent" | "Socks5ProxyAgent"> {
  const { prototype } = load("undici/lib/dispatcher/dispatcher.js") as typeof undici.Dispatcher;
  Object.assign(prototype, load("undici/lib/api/index.js"));
  return {
    Agent: load("undici/lib/dispatcher/agent.js"),
    ProxyAgent: load("undici/lib/dispatcher/proxy-agent.js"),
    Socks5ProxyAgent: load("undici/lib/dispatcher/socks5-proxy-agent.js"),
  };
}
