import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, sleep } from "../core/clock.ts";
import { JobError } from "../core/jobs/errors.ts";

/** What this door needs from its process; Node's `process` fits. */
export type HostProcess = Pick<NodeJS.Process, "pid" | "env" | "kill" | "once" | "off"> & { readonly getuid?: () => number };

/** The kind of child processes in a run directory; each kind has its own place in the state directory. */
export type ChildKind = "skopeo" | "command";

/**
 * The files of one child process, private to this user. They are few and small, so they are written and read synchronously,
 * which is faster.
 */
export interface ChildFiles {
  path(name: string): string;
  /** What the child wrote into a file; empty if it wrote none. */
  read(name: string): string;
  remove(): void;
}

export interface RunDirectory {
  /**
   * Writes a child's files, readable only by this user. `changed` is called with the name of a file that the child writes, where the system tells.
   * Throws `JobError("DiskFull")`.
   */
  create(files: Readonly<Record<string, string>>, changed?: (name: string) => void): ChildFiles;
  /** Removes everything of this process. This also happens when the process exits. */
  close(): Promise<void>;
}

const ownerName = /^(\d+)\.(\d+)\./;
const killGrace = 2_000;
const pollInterval = 25;

/**
 * A directory for the credentials of this process's children. What dead processes left behind is cleared first: children that still run are
 * ended (their command line or environment names the directory), then the files are removed. Running processes that share the state directory are left alone.
 */
export async function openRunDirectory(
  stateDirectory: string,
  host: HostProcess,
  clock: Clock,
  kind: ChildKind = "skopeo",
): Promise<RunDirectory> {
  const runs = runsIn(stateDirectory, kind);
  await mkdir(runs, { recursive: true, mode: 0o700 });
  await clearLeftovers(stateDirectory, host, clock, kind);
  const own = join(runs, `${host.pid}.${await startTime(host.pid)}.${randomUUID().slice(0, 8)}`);
  await mkdir(own, { mode: 0o700 });
  const removeOnExit = () => rmSync(own, { recursive: true, force: true });
  host.once("exit", removeOnExit);
  return {
    create(files, changed) {
      let directory: string | undefined;
      let unwatch = () => {};
      const remove = () => {
        unwatch();
        if (directory) rmSync(directory, { recursive: true, force: true });
      };
      try {
        directory = mkdtempSync(join(own, "child-"));
        const written = writeFiles(directory, files, remove);
        if (changed) unwatch = watchNames(directory, changed);
        return written;
      } catch (error) {
        remove();
        return diskFailure(error);
      }
    },
    close() {
      host.off("exit", removeOnExit);
      return rm(own, { recursive: true, force: true });
    },
  };
}

function writeFiles(directory: string, files: Readonly<Record<string, string>>, remove: () => void): ChildFiles {
  const path = (name: string) => join(directory, name);
  for (const [name, text] of Object.entries(files)) {
    if (name.includes("/")) mkdirSync(dirname(path(name)), { recursive: true, mode: 0o700 });
    writeFileSync(path(name), text, { mode: 0o600, flag: "wx" });
  }
  return { path, remove, read: (name) => readIfThere(path(name)) };
}

/** A system that cannot watch one more directory tells nothing. */
function watchNames(directory: string, changed: (name: string) => void): () => void {
  try {
    const watcher = watch(directory, { persistent: false }, (_, name) => name !== null && changed(name)).on("error", () => {});
    return () => watcher.close();
  } catch {
    return () => {};
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function diskFailure(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") throw new JobError("DiskFull", `The state directory is full: ${message}`);
  throw error;
}

function runsIn(stateDirectory: string, kind: ChildKind): string {
  return join(stateDirectory, kind, "run");
}

/** Ends the children of dead processes and removes their files, credentials among them. */
export async function clearLeftovers(
  stateDirectory: string,
  host: HostProcess,
  clock: Clock,
  kind: ChildKind = "skopeo",
): Promise<void> {
  const runs = runsIn(stateDirectory, kind);
  for (const name of await readdir(runs).catch(() => [])) {
    const directory = join(runs, name);
    if (await isOwned(name, host)) continue;
    await endChildren(directory, host, clock);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Whether the process that made a run directory still runs: same id and same start time. */
async function isOwned(name: string, host: HostProcess): Promise<boolean> {
  const [, pid, started] = ownerName.exec(name) ?? [];
  return pid !== undefined && isAlive(Number(pid), host) && (await startTime(Number(pid))) === started;
}

async function endChildren(directory: string, host: HostProcess, clock: Clock): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const end = clock.now() + killGrace;
    let children = await processesNaming(directory, host.pid);
    for (const pid of children) signalProcess(pid, signal, host);
    while (children.length > 0 && clock.now() < end) {
      await sleep(clock, pollInterval);
      children = await processesNaming(directory, host.pid);
    }
  }
}

/** Processes with an argument or a variable of their environment below the directory. Without /proc none are found; such a child ends by its own --command-timeout. */
async function processesNaming(directory: string, self: number): Promise<number[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const marker = `/${basename(directory)}/child-`;
  const found = await Promise.all(pids.map(async (pid) => (await startedWith(pid)).includes(marker)));
  return pids.filter((pid, index) => found[index] && pid !== self);
}

async function startedWith(pid: number): Promise<string> {
  const texts = ["cmdline", "environ"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => ""));
  return (await Promise.all(texts)).join("\0");
}

/** When a process started, in clock ticks since the boot (proc(5), field 22 of stat); "0" when that is unknown. */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}

function isAlive(pid: number, host: HostProcess): boolean {
  try {
    host.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals, host: HostProcess): void {
  try {
    host.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
