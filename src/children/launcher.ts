import { type ChildProcess, fork } from "node:child_process";
import { type ChildExit, type ChildSettings, runChild } from "./child.ts";

/** What a program is started with, as it is sent to the launching process. */
export type Launch = Pick<ChildSettings, "command" | "args" | "environment" | "isAlone" | "input" | "longestOutput">;

export type ToLauncher =
  | { readonly kind: "run"; readonly id: number; readonly launch: Launch }
  | { readonly kind: "abort"; readonly id: number };

export type FromLauncher =
  | { readonly kind: "ready" }
  | { readonly kind: "begun"; readonly id: number; readonly pid: number }
  | { readonly kind: "ended"; readonly id: number; readonly exit: ChildExit }
  | { readonly kind: "failed"; readonly id: number; readonly message: string; readonly code?: string };

/**
 * Runs programs as `runChild` does, for those who run many: after the first ones it lets a small process start them. To start a program, the system
 * copies the page tables of its parent, which blocks a bot of some hundred megabytes for tens of milliseconds (fork(2)).
 */
export interface Launcher {
  run(settings: ChildSettings, signal: AbortSignal): Promise<ChildExit>;
  /** Ends the small process, and what it still runs. */
  close(): void;
}

interface Run extends Pick<PromiseWithResolvers<ChildExit>, "resolve" | "reject"> {
  readonly begun: ChildSettings["begun"];
}

/** So many programs are started before the small process is. Most commands start only one or two. */
const startedDirectly = 3;
/** Milliseconds without a program after which the small process ends. */
const idleTime = 60_000;

export function createLauncher(): Launcher {
  let started = 0;
  let helper: Helper | undefined;

  return {
    run(settings, signal) {
      started += 1;
      if (started > startedDirectly) helper ??= startHelper(() => (helper = undefined));
      // Ctrl-C in a terminal reaches the bot's own group.
      return helper?.isReady() ? helper.run(settings, signal) : runChild({ ...settings, isAlone: false }, signal);
    },
    close: () => helper?.end(),
  };
}

interface Helper extends Pick<Launcher, "run"> {
  isReady(): boolean;
  end(): void;
}

/** `gone` is called as soon as it takes no more programs. */
function startHelper(gone: () => void): Helper {
  const child = startProcess();
  const runs = new Map<number, Run>();
  let isReady = false;
  let last = 0;
  let idle: NodeJS.Timeout | undefined;

  function end(): void {
    isReady = false;
    gone();
    clearTimeout(idle);
    if (child.connected) child.disconnect();
  }

  function settled(id: number): void {
    runs.delete(id);
    if (runs.size > 0) return;
    child.channel?.unref();
    idle = setTimeout(end, idleTime).unref();
  }

  child.on("message", (message: FromLauncher) => {
    if (message.kind === "ready") isReady = true;
    else hear(message, runs.get(message.id));
  });
  child.on("error", lost).on("exit", lost);

  function hear(message: Exclude<FromLauncher, { kind: "ready" }>, run: Run | undefined): void {
    if (message.kind === "begun") run?.begun?.(message.pid);
    else settled(message.id);
    if (message.kind === "ended") run?.resolve(message.exit);
    if (message.kind === "failed") run?.reject(Object.assign(new Error(message.message), { code: message.code }));
  }

  function lost(): void {
    end();
    for (const { reject } of runs.values()) reject(new Error("the process that started it ended"));
    runs.clear();
  }

  return {
    isReady: () => isReady,
    end,
    async run({ command, args, environment, isAlone, input, longestOutput, begun }, signal) {
      const id = ++last;
      const { promise, resolve, reject } = Promise.withResolvers<ChildExit>();
      const abort = () => tell(child, { kind: "abort", id });
      clearTimeout(idle);
      child.channel?.ref();
      runs.set(id, { resolve, reject, begun });
      const launch = {
        command,
        args,
        environment,
        ...(isAlone && { isAlone }),
        ...(input !== undefined && { input }),
        ...(longestOutput && { longestOutput }),
      };
      tell(child, { kind: "run", id, launch });
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      return promise.finally(() => signal.removeEventListener("abort", abort));
    },
  };
}

/** In a group of its own, so that Ctrl-C ends the programs as the bot says, and with none of the bot's environment. */
function startProcess(): ChildProcess {
  const name = import.meta.url.endsWith(".ts") ? "./starter.ts" : "./starter.js";
  const child = fork(new URL(name, import.meta.url), {
    execArgv: ["--max-old-space-size=32", "--max-semi-space-size=1"],
    env: {},
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.unref();
  child.channel?.unref();
  return child;
}

function tell(child: ChildProcess, message: ToLauncher): void {
  if (child.connected) child.send(message, () => {});
}
