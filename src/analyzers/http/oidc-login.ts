import type { Clock } from "../../core/clock.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Service } from "../service.ts";
import { protocolError, statusOf } from "./answers.ts";
import type { HttpEndpoint } from "./http.ts";
import { countOf, textOf } from "./json.ts";
import { type Login, readSecretFile } from "./login.ts";

export interface OidcSettings {
  /** At the issuer's URL. */
  readonly endpoint: HttpEndpoint;
  readonly clientId: string;
  readonly secretFile: string;
  readonly secretSetting: string;
  readonly scope?: string | undefined;
  readonly clock: Clock;
}

/** The share of its life after which a token is replaced. */
const freshShare = 0.8;

/** How messages speak of an issuer of tokens. */
export function issuerService(addressSetting: string, loginSetting: string): Service {
  return { name: "The issuer of tokens", api: "an OpenID Connect issuer", addressSetting, loginSetting };
}

/** Client credentials of OAuth 2 (RFC 6749, 4.4) at the token endpoint that an OpenID Connect issuer names. A token is used until four fifths of its life are over. */
export function oidcLogin(settings: OidcSettings): Login {
  const { endpoint, clock } = settings;
  let current: { readonly token: string; readonly until: number } | undefined;

  return {
    async headers(signal) {
      if (!current || clock.now() >= current.until)
        current = await askForToken(settings, await tokenPath(endpoint, signal), signal);
      return { headers: { authorization: `Bearer ${current.token}` }, secrets: [current.token] };
    },
    renew() {
      current = undefined;
      return true;
    },
  };
}

async function tokenPath(endpoint: HttpEndpoint, signal: AbortSignal): Promise<string> {
  const answer = await endpoint.send({ method: "GET", path: "/.well-known/openid-configuration" }, signal);
  const address = textOf(answer.json().token_endpoint) ?? "";
  if (URL.parse(address)?.origin !== new URL(endpoint.name).origin) {
    // The client's secret goes there.
    throw new JobError(
      "AnalyzerLogin",
      `${endpoint.name} names a token endpoint at another host or scheme (${address.slice(0, 200)}): correct BUILD_WATCHER_TRUSTIFY_ISSUER.`,
    );
  }
  return address;
}

async function askForToken(settings: OidcSettings, address: string, signal: AbortSignal) {
  const { endpoint, clientId, secretFile, secretSetting, scope, clock } = settings;
  const secret = await readSecretFile(secretFile, secretSetting);
  const form = { grant_type: "client_credentials", client_id: clientId, client_secret: secret, ...(scope && { scope }) };
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(form).toString();
  const askedAt = clock.now();
  const answer = await endpoint
    .send({ method: "POST", path: address, body, headers, secrets: [secret] }, signal)
    .catch((error: unknown) => {
      if (statusOf(error) !== 400 && statusOf(error) !== 403) throw error;
      throw new JobError("AnalyzerLogin", `${(error as Error).message} Check the client id and ${secretSetting}.`);
    });
  const { access_token, expires_in } = answer.json();
  const token = textOf(access_token);
  if (token === undefined) throw protocolError("names no token", issuerService("BUILD_WATCHER_TRUSTIFY_ISSUER", secretSetting));
  return { token, until: askedAt + (countOf(expires_in) ?? 60) * 1_000 * freshShare };
}
