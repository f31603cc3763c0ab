import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";

/** Where a request comes from. */
export interface Caller {
  /** The address of the other end. */
  readonly peer: string | undefined;
  /** The header `Host`. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The header `Sec-Fetch-Site`. */
  readonly fetchSite: string | undefined;
  readonly authorization: string | undefined;
  /** The token of the page's forms, if the request has it. */
  readonly formToken?: string | undefined;
}

export interface AccessSettings {
  /** The token that lets programs change something; undefined: programs on this machine need none, others cannot. */
  readonly apiToken: string | undefined;
  /** The URL under which people reach the page through a proxy on this machine. */
  readonly publicUrl: string | undefined;
  /** In a pod, requests from its own loopback can come from anybody through a side car: only the proxy of the public URL is trusted. */
  readonly inPod?: boolean;
  /** The token that forms must carry, new at every start; absent: none is needed. */
  readonly formToken?: string;
}

export interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly message: string;
}

/**
 * Why a request cannot read; undefined when it can. Outside a pod, a request from this machine must name the server by an address, localhost or
 * the public URL. With any other name, a web page could reach a server on its reader's machine (DNS rebinding).
 */
export function refuseReading({ peer, host }: Caller, { publicUrl, inPod }: AccessSettings): Refusal | undefined {
  if (inPod || !isOfThisMachine(peer) || isOwnName(host, publicUrl)) return undefined;
  const message = `Requests from this machine must name it by address or as localhost. Behind a proxy, set BUILD_WATCHER_PUBLIC_URL to the URL people use.`;
  return { status: 421, message };
}

/** Why a request cannot read a build's log, which can hold secrets of its namespace; undefined when it can. */
export function refuseLogs(caller: Caller, settings: AccessSettings): Refusal | undefined {
  if (caller.authorization !== undefined && settings.apiToken !== undefined)
    return refuseToken(caller.authorization, settings.apiToken);
  if (isNear(caller, settings)) return undefined;
  return {
    status: 403,
    message: `Build logs are shown ${nearTo(settings)}, or with the header Authorization: Bearer <BUILD_WATCHER_API_TOKEN>.`,
  };
}

/** Why a request cannot change something; undefined when it can. */
export function refuseChange(caller: Caller, settings: AccessSettings): Refusal | undefined {
  const refusal = refuseReading(caller, settings);
  if (refusal) return refusal;
  if (caller.authorization !== undefined) return refuseToken(caller.authorization, settings.apiToken);
  if (isForeign(caller, settings)) return { status: 403, message: "Pages of other sites cannot change anything." };
  const near = isNear(caller, settings);
  if (near && isProgram(caller) && settings.apiToken === undefined && !settings.inPod) return undefined;
  if (near && hasFormToken(caller, settings) && !(isProgram(caller) && caller.formToken === undefined)) return undefined;
  if (near && !isProgram(caller)) return { status: 403, message: "The page is older than the bot's last start: load it again." };
  if (settings.apiToken !== undefined)
    return { status: 401, message: "Changes need the header Authorization: Bearer <BUILD_WATCHER_API_TOKEN>." };
  const message = `Changes are accepted only ${nearTo(settings)}. Set BUILD_WATCHER_API_TOKEN to allow programs elsewhere.`;
  return { status: 403, message };
}

/** Whether the page's buttons would work for this caller. */
export function mayPressButtons(caller: Caller, settings: AccessSettings): boolean {
  return isNear(caller, settings) && refuseReading(caller, settings) === undefined;
}

function refuseToken(authorization: string, apiToken: string | undefined): Refusal | undefined {
  const [, token = ""] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (apiToken !== undefined && isSameSecret(token, apiToken)) return undefined;
  return {
    status: 401,
    message: apiToken === undefined ? "No BUILD_WATCHER_API_TOKEN is set." : "This is not the BUILD_WATCHER_API_TOKEN.",
  };
}

/** In constant time: it reveals neither how much of the token was right nor its length. */
export function isSameSecret(given: string, right: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(right));
}

/** Whether a request comes from this machine, or in a pod through the bot's proxy that the operator named. */
function isNear({ peer, host }: Caller, { publicUrl, inPod }: AccessSettings): boolean {
  if (peer === undefined || !ownAddresses.has(peer)) return false;
  return isOwnName(host, publicUrl) && (!inPod || publicUrl !== undefined);
}

function nearTo({ inPod }: AccessSettings): string {
  return inPod
    ? "through the proxy beside the bot that BUILD_WATCHER_PUBLIC_URL names"
    : "on the bot's own machine, or through a proxy there";
}

function hasFormToken({ formToken = "" }: Caller, { formToken: right }: AccessSettings): boolean {
  return right === undefined || isSameSecret(formToken, right);
}

/** Browsers send the page's origin with every POST, and on safe connections also its relation to the server. */
function isForeign({ origin, host, fetchSite }: Caller, { publicUrl }: AccessSettings): boolean {
  if (fetchSite !== undefined && fetchSite !== "same-origin") return true;
  if (origin === undefined) return false;
  const named = hostOf(origin);
  return named === undefined || (named !== host?.toLowerCase() && named !== hostOf(publicUrl));
}

function isProgram({ origin, fetchSite }: Caller): boolean {
  return origin === undefined && fetchSite === undefined;
}

/** Only these: other addresses of 127/8 can belong to a side car that passes on requests of others. */
const ownAddresses: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);

/** Such a request can come from a browser on this machine. */
function isOfThisMachine(peer: string | undefined): boolean {
  return peer !== undefined && (peer === "::1" || /^(?:::ffff:)?127\./.test(peer));
}

function isOwnName(host: string | undefined, publicUrl: string | undefined): boolean {
  const name = host?.toLowerCase().replace(/:\d+$/, "") ?? "";
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0 || (publicUrl !== undefined && host?.toLowerCase() === hostOf(publicUrl));
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : undefined;
}
