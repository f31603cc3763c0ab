import { fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a process offers to be called from another one; arguments and answers are JSON. */
export type Calls<T> = { readonly [Name in keyof T]: (...args: never[]) => unknown };

/** A program in a process of its own, so that its work does not count for the one that is measured. */
export interface Remote<T extends Calls<T>> extends AsyncDisposable {
  /** Rejects when the function throws or the process ends. */
  call<Name extends keyof T & string>(name: Name, ...args: Parameters<T[Name]>): Promise<Awaited<ReturnType<T[Name]>>>;
}

interface Request {
  readonly number: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: string;
}

/**
 * Keeps compiled files from one run to the next. The image's are compiled already: what compiles them here would take memory and time that the bot
 * does not.
 */
export const compiledEnvironment = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "build-watcher-bench-compiled") };

/** Starts a file of this folder that calls `offer`. */
export function startRemote<T extends Calls<T>>(file: string): Remote<T> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { env: compiledEnvironment });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  child.on("message", ({ number, value, error }: Answer) => {
    const call = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(`${file}: ${error}`));
  });
  child.on("exit", (code) => {
    for (const call of waiting.values()) call.reject(new Error(`${file} ended with ${code}`));
  });

  return {
    call(name, ...args) {
      const call = Promise.withResolvers<unknown>();
      calls += 1;
      waiting.set(calls, call);
      child.send({ number: calls, name, args } satisfies Request);
      return call.promise as Promise<Awaited<ReturnType<T[typeof name]>>>;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Answers the calls of the process that started this one; ends with it. */
export function offer<T extends Calls<T>>(functions: T): void {
  process.on("message", async ({ number, name, args }: Request) => {
    process.send?.(
      await answer(functions, name, args).then(
        (value): Answer => ({ number, value }),
        (error: unknown): Answer => ({ number, error: String(error) }),
      ),
    );
  });
  process.on("disconnect", () => process.exit());
}

async function answer<T extends Calls<T>>(functions: T, name: string, args: readonly unknown[]): Promise<unknown> {
  return await functions[name as keyof T](...(args as never[]));
}
