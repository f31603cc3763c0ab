import type { AxiosResponse } from "axios";
import { JobError } from "../core/errors.ts";
import type { RegistryLogin } from "./credentials.ts";
import { answerFailure } from "./http-failures.ts";

/** A WWW-Authenticate header. */
export type Challenge = string;

/** What a registry's login is good for, and for whom. */
export interface AuthorizerSettings {
  readonly registry: string;
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  readonly login: RegistryLogin | undefined;
  readonly verifyTls: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface TokenRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly data?: string;
}

type Exchange = (url: string, request: TokenRequest, signal: AbortSignal) => Promise<AxiosResponse<Buffer>>;

/**
 * Answers the challenges of one registry for one job: Basic, or a token for one repository (distribution's token specification, with the
 * refresh token of its OAuth 2 variant). A login goes to the token service over HTTPS only, unless verification is off.
 */
export function createAuthorizer(settings: AuthorizerSettings, exchange: Exchange) {
  const { registry, repository, actions, login } = settings;
  let current: string | undefined;

  return {
    /** The Authorization header that worked last; undefined before the first challenge. */
    header: () => current,
    /** A header in answer to a challenge; undefined when there is none. */
    async answer(challenge: Challenge, signal: AbortSignal): Promise<string | undefined> {
      const bearer = parseBearer(challenge);
      if (bearer) current = `Bearer ${await fetchToken(bearer, signal)}`;
      else if (/\bbasic\b/i.test(challenge) && login) current = basic(login);
      else return undefined;
      return current;
    },
  };

  async function fetchToken({ realm, service }: Bearer, signal: AbortSignal): Promise<string> {
    const url = tokenUrl(realm);
    const query = { ...(service && { service }), scope: `repository:${repository}:${actions}` };
    const { status, data, headers } = await (login?.identityToken
      ? exchange(url.href, refreshRequest(query, login.identityToken), signal)
      : exchange(withQuery(url, query), { method: "GET", headers: login ? { Authorization: basic(login) } : {} }, signal));
    const body = Buffer.from(data);
    const retryAfter = headers["retry-after"] as string | undefined;
    if (status >= 300) throw answerFailure({ status, body, retryAfter }, `A token for ${registry}/${repository}`, settings.now());
    return readToken(body);
  }

  function tokenUrl(realm: string): URL {
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const secure = url?.protocol === "https:" || (url?.protocol === "http:" && (!settings.verifyTls || !login));
    if (url && secure) return url;
    throw new JobError(
      "RegistryUntrusted",
      `${registry} sends logins to ${JSON.stringify(realm.slice(0, 200))}, which is no HTTPS address`,
    );
  }

  function readToken(body: Buffer): string {
    try {
      const { token, access_token } = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
      const found = token ?? access_token;
      if (typeof found === "string" && /^[\x21-\x7e]+$/.test(found)) return found;
    } catch {}
    throw new JobError("CopyFailed", `The token service of ${registry} answered no token`);
  }
}

interface Bearer {
  readonly realm: string;
  readonly service: string | undefined;
}

/** Reads a Bearer challenge; undefined when there is none among the challenges. */
export function parseBearer(challenge: Challenge): Bearer | undefined {
  const parameters = /\bbearer\s+(.*)/i.exec(challenge)?.[1];
  if (!parameters) return undefined;
  const values = new Map([...parameters.matchAll(/\b(\w{1,32})="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const realm = values.get("realm");
  return realm ? { realm, service: values.get("service") } : undefined;
}

function refreshRequest(query: Readonly<Record<string, string>>, refreshToken: string): TokenRequest {
  const form = new URLSearchParams({
    ...query,
    grant_type: "refresh_token",
    client_id: "build-watcher",
    refresh_token: refreshToken,
  });
  return { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, data: form.toString() };
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): string {
  const full = new URL(url);
  for (const [name, value] of Object.entries(query)) full.searchParams.set(name, value);
  return full.href;
}

function basic({ user, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
