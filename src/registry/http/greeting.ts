import type { Clock } from "../../core/clock.ts";
import { createFewRecent } from "../../core/few-recent.ts";
import type { RegistryLogin } from "../logins/credentials.ts";
import type { HostTrust } from "../trust/host-trust.ts";
import { RegistryVerdict } from "../trust/verdict.ts";
import { type Ask, mostHosts, type RegistryHost } from "./asking.ts";
import { tokenUrl } from "./authorization.ts";
import { bearersOf, type Challenge, parseChallenges } from "./challenges.ts";
import { asJobFailure, discard, type HeadAnswer, NoAnswer } from "./exchange.ts";
import { urlOf } from "./registry-url.ts";

/** A registry's answer to a caller without login. */
export interface Greeting {
  /** False where it could not be asked. */
  readonly answered: boolean;
  /** Whether by HTTPS. */
  readonly secure: boolean;
  /** Whether from a public address. */
  readonly isPublic: boolean;
  readonly status: number;
  /** The answer's content type. */
  readonly type: string | undefined;
  readonly challenges: readonly Challenge[];
  /** The headers with the challenges, as they were sent. */
  readonly headers: readonly string[];
}

/** Asks `/v2/` without login, as skopeo does first, and judges where a caller with this login would be sent. */
export type Greet = (
  host: RegistryHost & { readonly login: RegistryLogin | undefined },
  signal: AbortSignal,
) => Promise<Greeting>;

/** Milliseconds for which a registry's greeting is remembered. */
const memory = 5 * 60_000;

/** Throws a `RegistryVerdict` for a token service that is not trusted; a registry that cannot be asked has no greeting, and is not remembered. */
export function createGreet(ask: Ask, trust: HostTrust, clock: Clock): Greet {
  const greetings = createFewRecent<{ readonly at: number; readonly greeting: Greeting }>(mostHosts);

  return async (host, signal) => {
    const key = `${host.registry} ${host.verifyTls}`;
    const known = greetings.get(key);
    const isFresh = known !== undefined && clock.now() - known.at < memory;
    const asked = () => ask(host, "", { method: "GET", headers: {} }, signal).then(asGreeting, unanswered(signal));
    const greeting = isFresh ? known.greeting : await asked();
    if (!isFresh && greeting.answered) greetings.set(key, { at: clock.now(), greeting });
    for (const { realm } of bearersOf(greeting.challenges)) {
      const url = tokenUrl(realm, { ...host, isTokenService: trust.isTokenService }, greeting.secure);
      if (liesElsewhere(url, host)) await trust.resolve(url, greeting.isPublic);
    }
    return greeting;
  };
}

/** Whether a token service has another host than the registry itself. */
export function liesElsewhere(service: URL, { registry }: RegistryHost): boolean {
  return service.hostname !== urlOf(registry, "https", "").hostname;
}

export function challengesOf(answer: HeadAnswer): readonly Challenge[] {
  return answer.status === 401 ? parseChallenges(answer.header("www-authenticate") ?? "") : [];
}

function asGreeting(answer: HeadAnswer): Greeting {
  discard(answer);
  const { status, isPublic, url } = answer;
  const type = answer.header("content-type");
  return {
    answered: true,
    status,
    isPublic,
    type,
    secure: url.protocol === "https:",
    challenges: challengesOf(answer),
    headers: status === 401 ? answer.headers("www-authenticate") : [],
  };
}

/** A failed greeting is ignored, except when something is not trusted. */
function unanswered(signal: AbortSignal): (error: unknown) => Greeting {
  return (error) => {
    signal.throwIfAborted();
    if (error instanceof RegistryVerdict || isRefusedHost(error)) throw error;
    return { answered: false, status: 0, type: undefined, isPublic: false, secure: true, challenges: [], headers: [] };
  };
}

function isRefusedHost(error: unknown): boolean {
  return error instanceof NoAnswer && asJobFailure(error, "") instanceof RegistryVerdict;
}
