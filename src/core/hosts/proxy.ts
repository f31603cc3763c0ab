import { canonicalAddress, isAddress, isInNetwork } from "./addresses.ts";

/** A proxy to go through. */
export interface ProxyServer {
  /** Its URL, with its login if it has one. */
  readonly url: string;
  /** How messages name it: without its login. */
  readonly name: string;
}

/** The proxies of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, read once for every part of the bot. */
export interface Proxies {
  /** The proxy that a URL is reached through; undefined when it is reached directly. */
  proxyFor(url: URL): ProxyServer | undefined;
  /** The variables as a child process gets them: both spellings alike, so that every program reads the same. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProxyReading {
  readonly proxies: Proxies;
  /** What cannot be used; each names its variable. */
  readonly mistakes: readonly string[];
  /** What is probably not what was meant. */
  readonly warnings: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything is reached directly. */
export const noProxies: Proxies = { proxyFor: () => undefined, environment: {} };

/**
 * Reads the proxy variables as Go does (golang.org/x/net/http/httpproxy), since skopeo and `oc` are Go: upper case before lower case, no proxy for
 * loopback, names in NO_PROXY include their subdomains.
 */
export function readProxies(environment: Environment): ProxyReading {
  const [http, https, none] = (["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] as const).map((name) => find(environment, name));
  const proxies = { "http:": parseProxy(http?.value), "https:": parseProxy(https?.value) };
  const bypasses = (none?.value ?? "").split(",").map(parseBypass);
  const wrong = [http, https].flatMap((found) => (found && parseProxy(found.value) === "unusable" ? [unusable(found)] : []));
  return {
    proxies: {
      proxyFor(url) {
        const proxy = proxies[url.protocol as keyof typeof proxies];
        if (proxy === undefined || proxy === "unusable" || isBypassed(url, bypasses)) return undefined;
        return proxy;
      },
      environment: Object.fromEntries(
        [http, https, none].flatMap((found) =>
          found ? [found.name.toUpperCase(), found.name.toLowerCase()].map((name) => [name, found.value]) : [],
        ),
      ),
    },
    mistakes: wrong,
    warnings: [...twoSpellings(environment), ...idleAllProxy(environment, https), ...oddBypasses(none)],
  };
}

interface Found {
  readonly name: string;
  readonly value: string;
}

function find(environment: Environment, name: string): Found | undefined {
  return [name, name.toLowerCase()].flatMap((spelling) => {
    const value = environment[spelling]?.trim();
    return value ? [{ name: spelling, value }] : [];
  })[0];
}

function parseProxy(text: string | undefined): ProxyServer | "unusable" | undefined {
  if (text === undefined) return undefined;
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = /\s/.test(full) || !URL.canParse(full) ? undefined : new URL(full);
  if (!url || !["http:", "https:"].includes(url.protocol) || !isHostName.test(url.hostname)) return "unusable";
  if (/%(?![\da-f]{2})/i.test(url.username + url.password)) return "unusable";
  return { url: url.href, name: `${url.protocol}//${url.host}` };
}

/** A name, or an address; other characters come from quotation marks and the like. */
const isHostName = /^(?:[\w.-]+|\[[\d.:a-f]+\])$/i;

function unusable({ name }: Found): string {
  return `${name} is not usable; expected http://[user:password@]host:port or https://…, or host:port (a SOCKS proxy is not supported; in user and password @ is %40, # is %23 and % is %25)`;
}

type Bypass = (host: string, port: string) => boolean;

/** One entry of NO_PROXY: `*`, a network, an address or a name, each with a port if any. */
function parseBypass(entry: string): Bypass {
  const text = entry.trim().toLowerCase();
  if (text === "") return () => false;
  if (text === "*") return () => true;
  // Go reads brackets only before a port.
  if (/^\[.*\]$/.test(text)) return () => false;
  if (text.includes("/")) return (host) => isInNetwork(host, text);
  const { host: plain, port } = splitPort(text);
  const fits = (asked: string) => !port || port === asked;
  const bare = withoutBrackets(plain);
  if (isAddress(bare)) return (host, asked) => isInNetwork(host, `${bare}/${bare.includes(":") ? 128 : 32}`) && fits(asked);
  const name = plain.replace(/^\*(?=\.)/, "");
  const suffix = name.startsWith(".") ? name : `.${name}`;
  return (host, asked) => (host.endsWith(suffix) || host === name) && fits(asked);
}

/** `host[:port]`, where an IPv6 address may stand without brackets when it has no port. */
function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  const at = text.lastIndexOf(":");
  const isBare = !text.startsWith("[") && text.indexOf(":") !== at;
  if (at < 0 || isBare || text.endsWith("]")) return { host: text, port: undefined };
  return { host: text.slice(0, at), port: text.slice(at + 1) };
}

function isBypassed({ hostname, port, protocol }: URL, bypasses: readonly Bypass[]): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  if (host === "localhost" || isLoopback.test(canonicalAddress(host) ?? "")) return true;
  const asked = port || (protocol === "https:" ? "443" : "80");
  return bypasses.some((matches) => matches(host, asked));
}

/** What Go calls loopback, in canonical spelling. */
const isLoopback = /^(?:127\.|::1$|::ffff:7f[0-9a-f]{2}:)/;

function twoSpellings(environment: Environment): string[] {
  return ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => {
    const [upper, lower] = [environment[name]?.trim(), environment[name.toLowerCase()]?.trim()];
    return upper && lower && upper !== lower ? [`${name} and ${name.toLowerCase()} differ; ${name} counts`] : [];
  });
}

function idleAllProxy(environment: Environment, https: Found | undefined): string[] {
  const all = find(environment, "ALL_PROXY");
  if (!all) return [];
  return https ? [] : [`${all.name} has no effect, as in every program written in Go; set HTTPS_PROXY (and HTTP_PROXY)`];
}

/** Entries that mean nothing to Go, and are meant for something. */
function oddBypasses(none: Found | undefined): string[] {
  const odd = (none?.value ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "" && !canMatch(entry));
  return odd.map(
    (entry) =>
      `${none?.name} holds ${JSON.stringify(entry.slice(0, 80))}, which matches nothing; expected names, addresses and networks, separated by commas`,
  );
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

function canMatch(entry: string): boolean {
  if (entry.includes("/")) return isInNetwork(entry.split("/")[0] ?? "", entry);
  if (isAddress(withoutBrackets(splitPort(entry).host))) return !/^\[[^\]]*\]$/.test(entry);
  return entry === "*" || /^(?:\*?\.)?[\w-]+(?:\.[\w-]+)*(?::\d*)?$/.test(entry);
}
