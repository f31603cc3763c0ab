import { JobError } from "../../core/jobs/errors.ts";
import type { RegistryLogin } from "../logins/credentials.ts";
import { untrusted } from "../trust/verdict.ts";
import { asksForBasic, type Bearer, bearersOf, type Challenge } from "./challenges.ts";
import type { BodyAnswer, HttpInit } from "./exchange.ts";
import { answerFailure } from "./http-failures.ts";

/** A registry's login, and who may get it. */
export interface AuthorizerSettings {
  readonly registry: string;
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  readonly login: RegistryLogin | undefined;
  /** Answers only this kind of challenge; default: a token where one is offered. */
  readonly scheme?: "basic" | undefined;
  /** Whether a registry's login may go to a token service. */
  readonly isTokenService: (registry: string, service: URL) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Asks a token service. */
type AskForToken = (url: URL, request: HttpInit, signal: AbortSignal) => Promise<BodyAnswer>;

/**
 * Answers the challenges of a registry for one job: Basic, or a token for one repository (distribution's token specification, with the
 * refresh token of its OAuth 2 variant). For a registry with HTTPS no token is fetched by HTTP, and its login does not go to other owners' token services.
 */
export function createAuthorizer(settings: AuthorizerSettings, ask: AskForToken) {
  const { registry, repository, actions, login, scheme } = settings;
  let current: string | undefined;

  return {
    /** The Authorization header that worked last; undefined before the first challenge. */
    header: () => current,
    /** A header in answer to challenges; undefined when there is none. Throws a `RegistryVerdict` for a token service that is not trusted. */
    async answer(challenges: readonly Challenge[], secure: boolean, signal: AbortSignal): Promise<string | undefined> {
      const [bearer] = scheme === "basic" ? [] : bearersOf(challenges);
      if (bearer) current = `Bearer ${await fetchToken(bearer, secure, signal)}`;
      else if (login && asksForBasic(challenges)) current = basic(login);
      else return undefined;
      return current;
    },
  };

  async function fetchToken({ realm, service }: Bearer, secure: boolean, signal: AbortSignal): Promise<string> {
    const url = tokenUrl(realm, settings, secure);
    const query = { ...(service && { service }), scope: `repository:${repository}:${actions}` };
    const answer = await (login?.identityToken
      ? ask(url, refreshRequest(query, login.identityToken), signal)
      : ask(withQuery(url, query), { method: "GET", headers: login ? { Authorization: basic(login) } : {} }, signal));
    if (answer.status >= 300) throw answerFailure(answer, `A token for ${registry}/${repository}`, registry, settings.now());
    return readToken(answer.body);
  }

  function readToken(body: Buffer): string {
    try {
      const { token, access_token } = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
      const found = token || access_token;
      if (typeof found === "string" && /^[\x21-\x7e]+$/.test(found)) return found;
    } catch {}
    throw new JobError("CopyFailed", `The token service of ${registry} sent no token`);
  }
}

/** The address of a token service that this registry may name. Throws a `RegistryVerdict` for every other. */
export function tokenUrl(
  realm: string,
  { registry, login, isTokenService }: Pick<AuthorizerSettings, "registry" | "login" | "isTokenService">,
  secure: boolean,
): URL {
  const shown = JSON.stringify(realm.slice(0, 200));
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw untrusted(`${registry} names ${shown} as its token service, which is not a URL`, registry);
  if (secure && url.protocol === "http:") {
    throw untrusted(
      `${registry} is reached by https and names its token service by http (${shown}): a login would be sent unencrypted. Correct the external URL in the registry's own configuration`,
      registry,
    );
  }
  if (login && !isTokenService(registry, url)) {
    throw untrusted(
      `${registry} sends logins to ${url.host}, which does not belong to its domain. If that is right, name ${url.host} in BUILD_WATCHER_TRUSTED_HOSTS`,
      registry,
    );
  }
  return url;
}

function refreshRequest(query: Readonly<Record<string, string>>, refreshToken: string): HttpInit {
  const form = new URLSearchParams({
    ...query,
    grant_type: "refresh_token",
    client_id: "build-watcher",
    refresh_token: refreshToken,
  });
  return { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, data: form.toString() };
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const full = new URL(url);
  for (const [name, value] of Object.entries(query)) full.searchParams.set(name, value);
  return full;
}

function basic({ user, password }: RegistryLogin): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
