import { StringDecoder } from "node:string_decoder";
import { type Clock, sleep } from "../../core/clock.ts";
import { withoutColours } from "../../core/outside-text.ts";

/** Lines that are written in one turn, and milliseconds of such a turn: 5,000 lines a second of all builds together. Logs are read as slowly. */
const linesAtOnce = 50;
const turnTime = 10;

/** All streams write their lines in turns, so that none fills the log or keeps the bot from other work. */
export function createLineTurns(clock: Clock, signal: AbortSignal) {
  let next = 0;

  async function turn(): Promise<void> {
    const now = clock.now();
    next = Math.max(next, now) + turnTime;
    await sleep(clock, next - now, signal);
  }

  return {
    /** Writes the lines of one log; ends early when the signal fires. */
    writer(write: (line: string) => void): (lines: Iterable<string>) => Promise<void> {
      let written = 0;
      return async (lines) => {
        for (const line of lines) {
          if (signal.aborted) return;
          write(line);
          if (++written % linesAtOnce === 0) await turn();
        }
      };
    },
  };
}

/** A longer line continues as the next one, as in the logs of containers (CRI). */
const longestLine = 16_384;

/** Cuts bytes into lines that are safe for a terminal. Each step of a progress bar is a line; empty lines are left out. */
export function createLineCutter() {
  const decoder = new StringDecoder("utf8");
  let rest = "";

  /** Only new text is searched, since a line can come byte by byte. */
  function* take(text: string): Iterable<string> {
    const lineEnd = /[\r\n]+/g;
    let start = 0;
    for (let found = lineEnd.exec(text); found; found = lineEnd.exec(text)) {
      yield* pieces(rest + text.slice(start, found.index));
      rest = "";
      start = lineEnd.lastIndex;
    }
    rest += text.slice(start);
    if (rest.length <= longestLine) return;
    const whole = rest.length - (rest.length % longestLine);
    yield* pieces(rest.slice(0, whole));
    rest = rest.slice(whole);
  }

  return {
    cut: (bytes: Uint8Array) => take(decoder.write(bytes)),
    *end() {
      yield* take(decoder.end());
      yield* pieces(rest);
      rest = "";
    },
  };
}

/** A line, in pieces where it is too long. */
function* pieces(line: string): Iterable<string> {
  for (let start = 0; start < line.length; start += longestLine) {
    const text = withoutColours(line.slice(start, start + longestLine));
    if (text.trim() !== "") yield text;
  }
}
