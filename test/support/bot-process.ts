import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

export type LogLine = Readonly<Record<string, unknown>>;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The real program as a process of its own; disposing of it kills it, if it still runs, and waits for its end. */
export interface BotProcess extends AsyncDisposable {
  readonly pid: number;
  /** Every log line so far, parsed. */
  readonly lines: readonly LogLine[];
  /** Everything written to standard output. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the process is gone and all it wrote was read. */
  readonly exited: Promise<Ending>;
  /** Resolves when a line is logged, or was, for which the condition holds; rejects when the process ends without. */
  logged(condition: (line: LogLine) => boolean): Promise<LogLine>;
  /** Sends a signal; resolves as `exited` does. */
  kill(signal: NodeJS.Signals): Promise<Ending>;
  /** Closes the reading end of its standard output. */
  stopReading(): void;
}

export interface BotProcessOptions {
  readonly argv?: readonly string[];
  /** Flags of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Shell commands run before the program, in its process: limits it is to live with. */
  readonly limits?: string;
  /** The program itself; `programPath` unless told otherwise. */
  readonly program?: string;
}

/** Where Node keeps what it compiled: a bot starts in half the time where another did before. */
export const compiled = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/** The program: its sources, or what `bundled-bot.ts` made of them. */
export const programPath = process.env.BOT_PROGRAM ?? fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Runs the program with this environment, and of the test's own with nothing but PATH and a cache of compiled code. */
export function startBotProcess(
  environment: Readonly<Record<string, string>>,
  { argv = [], nodeFlags = [], limits = ":", program = programPath }: BotProcessOptions = {},
): BotProcess {
  const child = spawn("sh", ["-c", `${limits}; exec "$@"`, "sh", process.execPath, ...nodeFlags, program, ...argv], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { promise: exited, resolve, reject } = Promise.withResolvers<Ending>();
  const output = { stdout: "", stderr: "" };
  const lines: LogLine[] = [];
  let written = Promise.withResolvers<void>();
  let isGone = false;
  let begun = "";

  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
    const complete = (begun + text).split("\n");
    begun = complete.pop() ?? "";
    lines.push(...complete.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine));
    written.resolve();
    written = Promise.withResolvers();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  child.once("error", reject);
  child.once("close", (code, signal) => {
    isGone = true;
    resolve({ code, signal });
  });

  async function kill(signal: NodeJS.Signals): Promise<Ending> {
    child.kill(signal);
    return exited;
  }

  return {
    pid: child.pid ?? 0,
    lines,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    async logged(condition) {
      for (let looked = 0; ; ) {
        const line = lines.slice(looked).find(condition);
        if (line) return line;
        looked = lines.length;
        if (isGone) throw new Error(`The bot ended without logging it: ${output.stdout}${output.stderr}`);
        await Promise.race([written.promise, exited]);
      }
    },
    kill,
    stopReading: () => child.stdout.destroy(),
    [Symbol.asyncDispose]: async () => {
      await kill("SIGKILL");
    },
  };
}
