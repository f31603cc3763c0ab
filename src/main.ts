#!/usr/bin/env node
import { readFileSync, realpathSync, statSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";

// By default glibc keeps memory for each thread and gives little of it back, and V8 takes 32 MB for young objects where the pod has no limit of its
// memory. Both read this only when a program starts. The image sets it; a pod of another image starts the program once more.
const inPod = {
  environment: { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" },
  option: "--max-semi-space-size=2",
};
const options = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");
const savesMemory = /--max[-_]semi[-_]space[-_]size/.test(options);
const isSet = savesMemory && process.env.MALLOC_ARENA_MAX !== undefined;
if (process.env.KUBERNETES_SERVICE_HOST && process.platform === "linux" && !isSet) {
  const args = [process.execPath, ...(savesMemory ? [] : [inPod.option]), ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, args, { ...inPod.environment, ...process.env });
}

/** npm and a terminal can both deliver one Ctrl-C: a second signal within this time (ms) is ignored. */
const sameWish = 300;

const stop = new AbortController();
let askedAt = 0;

/** The exit codes that a shell reports for signals. A closed terminal sends SIGHUP. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

function onSignal(signal: keyof typeof codes): void {
  const now = Date.now();
  if (stop.signal.aborted && now - askedAt > sameWish) process.exit(codes[signal]);
  if (!stop.signal.aborted) askedAt = now;
  stop.abort();
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Whether the `.env` here is the one next to the program, and only its owner or root can write it. */
function isOwnEnvFile(): boolean {
  try {
    const path = realpathSync(".env");
    const { uid, mode } = statSync(path);
    const isSafe = (uid === process.getuid?.() || uid === 0) && (mode & 0o022) === 0;
    return isSafe && path === realpathSync(new URL("../.env", import.meta.url));
  } catch {
    return false;
  }
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
// The reader has gone, as with `| head`. A shell reports SIGPIPE as 141. A closed terminal cannot be written either, but then running work is
// ended in order.
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code === "EIO" && stop.signal.aborted) return;
  if (code === "EPIPE") process.exit(141);
  process.stderr.write(`build-watcher: standard output cannot be written (${code ?? message})\n`);
  process.exit(1);
});
process.stderr.on("error", () => {});

// By default V8 lets the heap grow as long as the machine has memory: on a node, up to the pod's limit. This keeps resident memory flat over tens of
// thousands of builds for about a quarter more CPU, so on a machine of its own the bot goes without. Set after the loading, it would come too late: the
// heap doubles once, and V8 keeps the pages. Maglev, V8's middle compiler, takes 10 MB.
if (savesMemory) for (const flag of ["--heap-growing-percent=30", "--no-maglev"]) setFlagsFromString(flag);

// Loaded last, so that signals work while the rest is still being loaded.
const { run } = await import("./cli/run.ts");

// Set before the loading, this would keep the young generation so small that the bot is a fifth slower.
if (savesMemory) setFlagsFromString("--semi-space-growth-factor=1");

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

const code = await run(process.argv.slice(2), {
  version,
  environment: process.env,
  host: process,
  envFile: readIfThere(".env"),
  ownEnvFile: isOwnEnvFile(),
  stdout: process.stdout,
  stderr: process.stderr,
  readInput: async (path) => (path === "-" ? text(process.stdin) : readFileSync(path, "utf8")),
  signal: stop.signal,
  onFatal: (report) => {
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.on(event, (error: unknown) => {
        report(error);
        process.exit(1);
      });
    }
  },
});
// What was written last may only now turn out to be lost.
await new Promise((resolve) => setImmediate(resolve));
process.exit(code);
