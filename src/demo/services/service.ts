import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody, readTarget, send } from "../answers.ts";
import { createChanges } from "../changes.ts";
import { createListener } from "../listener.ts";

/** A request as an emulated service reads it. */
export interface ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface ServiceAnswer {
  readonly status: number;
  /** An object is sent as JSON. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A service on the loopback interface that an analyzer talks to. */
export interface EmulatedService {
  /** Throws before `listen()`. */
  readonly url: string;
  listen(port?: number): Promise<void>;
  /** All requests, in order; the last 1,000 are kept. */
  readonly requests: readonly ServiceRequest[];
  /** The next `times` requests whose path begins so are answered with this instead; a function may let one pass. */
  fail(path: string, answer: ServiceAnswer, times?: number): void;
  /** Answers 503 to everything. */
  down(): void;
  up(): void;
  /** Resolves when the condition holds, now or after a request; rejects when the service is closed before. */
  waitFor(condition: (service: EmulatedService) => boolean): Promise<void>;
  close(): Promise<void>;
}

const kept = 1_000;

/** What all emulated services share: `answer` is what a service of its kind says. */
export function createService(answer: (request: ServiceRequest) => ServiceAnswer): EmulatedService {
  const changes = createChanges<EmulatedService>(() => service);
  const listener = createListener(handle, undefined, () => undefined);
  const requests: ServiceRequest[] = [];
  const faults: { readonly path: string; readonly answer: ServiceAnswer; times: number }[] = [];
  let isDown = false;

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(incoming).catch(() => undefined);
    if (body === undefined) return void response.destroy();
    const request = { method: incoming.method ?? "GET", ...readTarget(incoming), headers: incoming.headers, body };
    requests.push(request);
    if (requests.length > kept) requests.shift();
    const { status, body: said = "", headers } = isDown ? { status: 503 } : (takeFault(request.path) ?? answer(request));
    send(response, status, said, headers);
    changes.notify();
  }

  function takeFault(path: string): ServiceAnswer | undefined {
    const fault = faults.find((candidate) => candidate.times > 0 && path.startsWith(candidate.path));
    if (fault) fault.times -= 1;
    return fault?.answer;
  }

  const service: EmulatedService = {
    get url() {
      return listener.url;
    },
    listen: listener.listen,
    requests,
    fail: (path, said, times = 1) => void faults.push({ path, answer: said, times }),
    down: () => {
      isDown = true;
    },
    up: () => {
      isDown = false;
    },
    waitFor: changes.waitFor,
    async close() {
      await listener.close();
      changes.close();
    },
  };
  return service;
}

/** A JSON object of a body; undefined when it is none. */
export function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
