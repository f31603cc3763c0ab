import type { Clock } from "../../core/clock.ts";
import { noProxies, type Proxies } from "../../core/hosts/proxy.ts";
import { createAgents } from "../../network/agents.ts";
import type { RegistryLogin } from "../logins/credentials.ts";
import type { HostTrust } from "../trust/host-trust.ts";
import { type Ask, createAsk, type RegistryHost, withDeadline } from "./asking.ts";
import { createAuthorizer } from "./authorization.ts";
import type { Challenge } from "./challenges.ts";
import { createExchange, discard, type Exchange, type HeadAnswer, type HttpInit, readBody } from "./exchange.ts";
import { challengesOf, createGreet, type Greet, type Greeting, liesElsewhere } from "./greeting.ts";
import { answerFailure } from "./http-failures.ts";

/** How one repository of one registry is reached, for one job. */
export interface RegistryAccess extends RegistryHost {
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  readonly login: RegistryLogin | undefined;
  /** Answers only this kind of challenge; default: a token where one is offered. */
  readonly scheme?: "basic" | undefined;
}

interface RegistryRequest {
  readonly method: HttpInit["method"];
  /** Below `/v2/<repository>/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** Where it came from, redirects followed. */
  readonly url: URL;
  header(name: string): string | undefined;
}

export type SendToRegistry = (request: RegistryRequest, signal: AbortSignal) => Promise<RegistryAnswer>;

/** Sends a request and returns its body unread; see `RegistryRepository.stream`. */
export type StreamFromRegistry = (request: RegistryRequest, signal: AbortSignal) => Promise<HeadAnswer>;

/** One repository. It answers 2xx and 404; everything else is thrown as a `JobError`. */
export interface RegistryRepository {
  readonly send: SendToRegistry;
  /** The same for a body of any length: only its head has a deadline. The caller reads or destroys the body. */
  readonly stream: StreamFromRegistry;
}

export interface RegistryHttp {
  /** Only a repository's sender, which most callers need. */
  open(access: RegistryAccess): SendToRegistry;
  repository(access: RegistryAccess): RegistryRepository;
  /** The answer of `/v2/` without login, which skopeo asks first. Throws a `RegistryVerdict` for what is not trusted. */
  greet(access: RegistryAccess, signal: AbortSignal): Promise<Greeting>;
  /** The challenges of a repository to a caller without login. */
  challenge(access: RegistryAccess, signal: AbortSignal): Promise<readonly Challenge[]>;
  close(): void;
}

export interface RegistryHttpSettings {
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
  /** Where the bot may be sent. */
  readonly trust: HostTrust;
}

/** Shared parts for asking registries. */
interface Parts {
  readonly clock: Clock;
  readonly trust: HostTrust;
  readonly exchange: Exchange;
  readonly ask: Ask;
  readonly greet: Greet;
}

/** Manifests are limited by the registries themselves (distribution, `MaxManifestBodySize`), and by skopeo. */
const longestBody = 4 * 1024 * 1024;
/** A token has a few kilobytes. */
const longestToken = 256 * 1024;

/** A client of the registry HTTP API: keeps connections, learns schemes and challenges once, and never keeps logins. */
export function createRegistryHttp({ clock, proxies = noProxies, trust }: RegistryHttpSettings): RegistryHttp {
  const agents = createAgents(proxies);
  const exchange = createExchange(agents, trust);
  const ask = createAsk(exchange, clock);
  const greet = createGreet(ask, trust, clock);
  const parts = { clock, trust, exchange, ask, greet };

  return {
    open: (access) => openRepository(access, parts).send,
    repository: (access) => openRepository(access, parts),
    greet: (access, signal) =>
      withDeadline(clock, { what: `GET ${access.registry}/v2/`, registry: access.registry }, signal, (bounded) =>
        greet(access, bounded),
      ),
    challenge(access, signal) {
      const path = `${access.repository}/tags/list`;
      const what = `GET ${access.registry}/v2/${path}`;
      return withDeadline(clock, { what, registry: access.registry }, signal, async (bounded) => {
        const answer = await ask(access, path, { method: "GET", headers: {} }, bounded);
        discard(answer);
        return challengesOf(answer);
      });
    },
    close: () => agents.close(),
  };
}

function openRepository(access: RegistryAccess, parts: Parts): RegistryRepository {
  const { clock } = parts;
  const stream = createSender(access, parts);
  const nameOf = ({ method, path }: RegistryRequest) => `${method} ${access.registry}/v2/${access.repository}/${path}`;

  return {
    send(request, signal) {
      const what = nameOf(request);
      return withDeadline(clock, { what, registry: access.registry }, signal, async (bounded) => {
        const answer = await readBody(await stream(request, bounded), longestBody, what);
        if (isAnswer(answer)) return answer;
        throw answerFailure(answer, what, access.registry, clock.now());
      });
    },
    stream(request, signal) {
      const what = nameOf(request);
      return withDeadline(clock, { what, registry: access.registry }, signal, async (bounded, lift) => {
        const answer = await stream(request, bounded);
        if (!isAnswer(answer)) throw answerFailure(await readBody(answer, longestBody, what), what, access.registry, clock.now());
        lift();
        return answer;
      });
    },
  };
}

function isAnswer({ status }: { readonly status: number }): boolean {
  return status < 300 || status === 404;
}

/** Asks for the registry's greeting first, as skopeo does, and judges it. No login is sent to a registry that did not ask for one. */
function createSender(access: RegistryAccess, { clock, trust, exchange, ask, greet }: Parts): StreamFromRegistry {
  let greeted: Greeting | undefined;
  let isPublic = false;
  const fetchToken = async (url: URL, init: HttpInit, signal: AbortSignal) => {
    const answer = await exchange.send(url, init, access, isPublic && liesElsewhere(url, access), signal);
    return readBody(answer, longestToken, `A token for ${access.registry}`);
  };
  const authorizer = createAuthorizer({ ...access, now: clock.now, isTokenService: trust.isTokenService }, fetchToken);

  return async ({ method, path, headers, body }, signal) => {
    const send = (authorization: string | undefined) => {
      const all = { ...headers, ...(authorization && { Authorization: authorization }) };
      return ask(access, `${access.repository}/${path}`, { method, headers: all, ...(body && { data: body }) }, signal);
    };
    if (!greeted) {
      greeted = await greet(access, signal);
      isPublic = greeted.isPublic;
      await authorizer.answer(greeted.challenges, greeted.secure, signal);
    }
    const first = await send(authorizer.header());
    if (first.status !== 401) return first;
    isPublic ||= first.isPublic;
    const header = await authorizer.answer(challengesOf(first), first.url.protocol === "https:", signal);
    if (header === undefined) return first;
    discard(first);
    return send(header);
  };
}
