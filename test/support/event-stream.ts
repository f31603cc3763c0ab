/** One event of a stream; a comment has the name ":". */
export interface StreamedEvent {
  readonly id: string | undefined;
  readonly name: string;
  readonly data: unknown;
}

export interface EventStream {
  readonly response: Response;
  /** Everything that came so far. */
  readonly events: readonly StreamedEvent[];
  /** Resolves with an event for which the condition holds, now or once it comes; rejects when the stream ends before. */
  waitFor(condition: (event: StreamedEvent) => boolean): Promise<StreamedEvent>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Listens to server-sent events. */
export async function openEventStream(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
  const stop = new AbortController();
  const response = await fetch(url, { signal: stop.signal, headers: { accept: "text/event-stream", ...headers } });
  const events: StreamedEvent[] = [];
  let news = Promise.withResolvers<void>();
  const ended = read();
  // A stream that breaks off fails whoever waits for it, and nothing else.
  ended.catch(() => undefined);

  async function read(): Promise<void> {
    let rest = "";
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop() ?? "";
        events.push(...blocks.flatMap(parse));
        news.resolve();
        news = Promise.withResolvers();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  return {
    response,
    events,
    ended,
    async waitFor(condition) {
      for (;;) {
        const found = events.find(condition);
        if (found) return found;
        await Promise.race([
          news.promise,
          ended.then(() => Promise.reject(new Error(`The stream ended: ${JSON.stringify(events)}`))),
        ]);
      }
    },
    close: () => stop.abort(),
  };
}

function parse(block: string): StreamedEvent[] {
  if (block.startsWith(":")) return [{ id: undefined, name: ":", data: undefined }, ...parse(block.replace(/^:.*\n*/, ""))];
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const name = field("event");
  return name === undefined ? [] : [{ id: field("id"), name, data: JSON.parse(field("data") ?? "null") }];
}
