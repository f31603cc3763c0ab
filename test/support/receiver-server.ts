import type { IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { startHttpServer } from "./http-server.ts";

export interface ReceivedNotification {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, parsed. */
  readonly event: Readonly<Record<string, unknown>>;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A receiver of notifications on 127.0.0.1. */
export interface ReceiverServer {
  readonly url: string;
  readonly received: readonly ReceivedNotification[];
  /** The types of the events received, in short and in order. */
  types(): string[];
}

/** Starts a receiver that is closed when the test ends; `answer` says how it answers which call, counted from 1, and "hang" means never. */
export async function startReceiver(
  answer: (number: number) => ReceiverAnswer | "hang" = () => ({ status: 204 }),
): Promise<ReceiverServer> {
  const received: ReceivedNotification[] = [];
  const server = await startHttpServer(async (request, response) => {
    const body = await text(request);
    received.push({ path: request.url ?? "", headers: request.headers, body, event: JSON.parse(body) });
    const said = answer(received.length);
    if (said !== "hang") response.writeHead(said.status, said.headers).end("thanks");
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    url: server.url,
    received,
    types: () => received.map(({ event }) => String(event.type).replace(/^io\.build_watcher\.|\.v1$/g, "")),
  };
}
