import { spawn } from "node:child_process";
import type { Clock } from "../core/clock.ts";
import type { HostProcess } from "./run-directory.ts";

export interface ChildSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly host: HostProcess;
  readonly clock: Clock;
  /**
   * It starts no other programs, so it needs no process group of its own. Node gives a group only with a session, and where there are no cgroups Linux
   * shares the processors out by session (sched(7), autogroup): programs that work together are slower in several.
   */
  readonly isAlone?: boolean;
  /** Its standard input; absent: none. */
  readonly input?: string;
  /** How many characters of standard output are kept, from its beginning; a program that writes more is ended. Absent: the end of the output is kept. */
  readonly longestOutput?: number;
  /** Called with the process's id when it has started. */
  readonly begun?: (pid: number) => void;
}

/** How a program ended, with the ends of its outputs. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
  /** Whether it was ended because it wrote too much. */
  readonly isTooLong: boolean;
}

/** Milliseconds between TERM and KILL. */
const killGrace = 2_000;
const longestTail = 64 * 1024;

/**
 * Runs a program in its own process group, with this environment and without a shell, and resolves when it has ended. The signal ends the
 * whole group, or a program that is alone: TERM, then KILL. Rejects when the program cannot be started.
 */
export function runChild(settings: ChildSettings, signal: AbortSignal): Promise<ChildExit> {
  const { command, args, environment, host, clock, isAlone = false, input, longestOutput, begun } = settings;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: environment,
      detached: !isAlone,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    // If a program does not read all of it, its exit code shows that.
    child.stdin?.on("error", () => {}).end(input);
    if (child.pid !== undefined) begun?.(child.pid);
    let cancelKill = () => {};
    const end = () => {
      signalGroup("SIGTERM");
      cancelKill = clock.schedule(killGrace, () => signalGroup("SIGKILL"));
    };
    const settle = () => {
      cancelKill();
      signal.removeEventListener("abort", end);
    };
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    // Without a free file descriptor the child has no streams; its error event follows.
    let isTooLong = false;
    const tooLong = () => {
      if (!isTooLong) end();
      isTooLong = true;
    };
    const stdout = child.stdout ? keep(child.stdout, longestOutput, tooLong) : () => "";
    const stderr = child.stderr ? keep(child.stderr, undefined, tooLong) : () => "";
    child.once("close", (code, killedBy) => {
      settle();
      resolve({ code, signal: killedBy, stdout: stdout(), stderr: stderr(), isTooLong });
    });
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();

    function signalGroup(name: "SIGTERM" | "SIGKILL"): void {
      try {
        if (isAlone) child.kill(name);
        else if (child.pid) host.kill(-child.pid, name);
      } catch {
        // It ended by itself.
      }
    }
  });
}

/** Keeps the beginning of a stream up to the limit, or without a limit its end. */
function keep(stream: NodeJS.ReadableStream, longest: number | undefined, tooLong: () => void): () => string {
  let kept: string[] = [];
  let length = 0;
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    kept.push(chunk);
    length += chunk.length;
    if (longest === undefined ? length < 2 * longestTail : length <= longest) return;
    if (longest !== undefined) tooLong();
    const rest = longest === undefined ? kept.join("").slice(-longestTail) : kept.join("").slice(0, longest);
    kept = [rest];
    length = rest.length;
  });
  return () => (longest === undefined ? kept.join("").slice(-longestTail) : kept.join(""));
}
