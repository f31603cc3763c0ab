import { request } from "node:http";

/** One open watch, read line by line as a client would. */
export interface WatchStream {
  readonly status: number;
  /** The next event, parsed; undefined when the stream has ended. Rejects when the connection breaks. */
  next(): Promise<{ readonly type: string; readonly object: Readonly<Record<string, unknown>> } | undefined>;
  /** The next line as it came. */
  nextLine(): Promise<string | undefined>;
  close(): void;
}

/** Opens a watch at a URL; resolves when the answer has begun. */
export async function openWatch(url: string): Promise<WatchStream> {
  const asked = request(url);
  asked.end();
  const response = await new Promise<NodeJS.ReadableStream & { statusCode?: number }>((resolve, reject) => {
    asked.once("response", resolve);
    asked.once("error", reject);
  });
  const lines = readLines(response);
  const nextLine = async () => {
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
  return {
    status: response.statusCode ?? 0,
    nextLine,
    async next() {
      const line = await nextLine();
      return line === undefined ? undefined : JSON.parse(line);
    },
    close: () => asked.destroy(),
  };
}

async function* readLines(stream: AsyncIterable<string | Buffer>): AsyncGenerator<string, undefined> {
  let text = "";
  for await (const piece of stream) {
    const lines = (text + piece.toString()).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
