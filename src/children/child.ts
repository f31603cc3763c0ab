import { spawn } from "node:child_process";
import type { Clock } from "../core/clock.ts";
import type { HostProcess } from "./run-directory.ts";

export interface ChildSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly host: HostProcess;
  readonly clock: Clock;
}

/** How a program ended; the texts are the ends of what it wrote. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
}

/** Milliseconds between TERM and KILL. */
const killGrace = 2_000;
const longestOutput = 64 * 1024;

/**
 * Runs a program in a process group of its own, with this environment and no shell, and resolves when it has ended. The signal ends the
 * whole group: TERM, then KILL. Rejects when the program cannot be started.
 */
export function runChild({ command, args, environment, host, clock }: ChildSettings, signal: AbortSignal): Promise<ChildExit> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, detached: true, stdio: ["ignore", "pipe", "pipe"] });
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
    // A child for which no file descriptor was left has no streams; its error comes next.
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => (stream ? keepTail(stream) : () => "")) as [Tail, Tail];
    child.once("close", (code, killedBy) => {
      settle();
      resolve({ code, signal: killedBy, stdout: stdout(), stderr: stderr() });
    });
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();

    function signalGroup(name: "SIGTERM" | "SIGKILL"): void {
      try {
        if (child.pid) host.kill(-child.pid, name);
      } catch {
        // It ended by itself.
      }
    }
  });
}

type Tail = () => string;

function keepTail(stream: NodeJS.ReadableStream): Tail {
  let tail = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    tail = (tail + chunk).slice(-longestOutput);
  });
  return () => tail;
}
