import type { Api, Query } from "../../cluster/api/api.ts";
import type { LogPart } from "../build-source.ts";

/** Reads the texts of a log in order. Fails after this many milliseconds without a byte. */
export async function* readParts(
  api: Api,
  parts: readonly LogPart[],
  query: Query,
  silence: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (part.heading !== undefined) yield Buffer.from(`${part.heading}\n`);
    yield* readPart(api, part, query, silence, signal);
  }
}

/** Reads one of them, without its heading. */
export async function* readPart(
  api: Api,
  part: LogPart,
  query: Query,
  silence: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const stream = await api.open(part.path, { ...part.query, ...query }, silence, signal);
  try {
    yield* stream.chunks;
  } finally {
    stream.end();
  }
}
