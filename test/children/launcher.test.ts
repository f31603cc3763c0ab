import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChildExit } from "../../src/children/child.ts";
import { createLauncher, type Launcher } from "../../src/children/launcher.ts";
import { systemClock } from "../../src/core/clock.ts";

const settingsOf = (script: string) => ({
  command: "/bin/sh",
  args: ["-c", script],
  environment: { WORD: "plain" },
  host: process,
  clock: systemClock,
});

/** A launcher whose programs are started by its own process. */
async function warmLauncher(): Promise<Launcher> {
  const launcher = createLauncher();
  while ((await parentOf(launcher)) === process.pid);
  return launcher;
}

async function parentOf(launcher: Launcher): Promise<number> {
  return Number((await launcher.run(settingsOf("echo $PPID"), new AbortController().signal)).stdout);
}

/** A program that runs until it is ended, and its process id. */
async function startLasting(launcher: Launcher, signal: AbortSignal): Promise<{ pid: number; ended: Promise<ChildExit> }> {
  const { promise: begun, resolve } = Promise.withResolvers<number>();
  const ended = launcher.run({ ...settingsOf("exec sleep 1000"), begun: resolve }, signal);
  ended.catch(() => undefined);
  return { pid: await begun, ended };
}

/** The process group of a process (proc(5), field 5 of stat). */
function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

describe("programs started by the launching process", () => {
  const { signal } = new AbortController();
  let launcher: Launcher;

  beforeAll(async () => {
    launcher = await warmLauncher();
  });
  afterAll(() => launcher.close());

  it("get the same environment and input, and give the same outputs and exit code as those started directly", async () => {
    const settings = { ...settingsOf("cat; echo $WORD; env | wc -l >&2; exit 3"), input: "in " };
    const direct = await createLauncher().run(settings, signal);
    expect(direct).toMatchObject({ code: 3, stdout: "in plain\n" });
    expect(await launcher.run(settings, signal)).toEqual(direct);
  });

  it("are ended by the signal", async () => {
    const control = new AbortController();
    const { ended } = await startLasting(launcher, control.signal);
    control.abort();
    expect(await ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  it("stay in its process group if they start no others, and are ended as well", async () => {
    const control = new AbortController();
    const alone = {
      ...settingsOf(""),
      command: "sleep",
      args: ["1000"],
      environment: { PATH: process.env.PATH ?? "" },
      isAlone: true,
    };
    const start = (by: Launcher) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      return { begun: promise, ended: by.run({ ...alone, begun: resolve }, control.signal) };
    };
    const [direct, launched] = [start(createLauncher()), start(launcher)];
    const pid = await direct.begun;
    expect(groupOf(pid)).toBe(pid);
    expect(groupOf(await launched.begun)).toBe(await parentOf(launcher));
    control.abort();
    for (const { ended } of [direct, launched]) expect(await ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  it("are ended with everything they started, if they may start others", async () => {
    const control = new AbortController();
    const { promise: begun, resolve } = Promise.withResolvers<number>();
    const ended = launcher.run({ ...settingsOf("sleep 1000; sleep 1000"), begun: resolve }, control.signal);
    const pid = await begun;
    expect(groupOf(pid)).toBe(pid);
    control.abort();
    // Its output ends when the last one of its group does.
    expect(await ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });

  it("say which program is missing", async () => {
    await expect(launcher.run({ ...settingsOf(""), command: "/no/such" }, signal)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("are cut where they write too much", async () => {
    const exit = await launcher.run({ ...settingsOf("yes"), longestOutput: 10 }, signal);
    expect(exit).toMatchObject({ isTooLong: true, stdout: "y\ny\ny\ny\ny\n" });
  });

  it("end with the launcher", async () => {
    const other = await warmLauncher();
    const { pid, ended } = await startLasting(other, signal);
    other.close();
    await expect(ended).rejects.toThrow("ended");
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("are started again when the launching process was killed", async () => {
    const { pid, ended } = await startLasting(launcher, signal);
    process.kill(await parentOf(launcher), "SIGKILL");
    await expect(ended).rejects.toThrow("ended");
    process.kill(pid, "SIGKILL");
    expect(await launcher.run(settingsOf("exit 4"), signal)).toMatchObject({ code: 4 });
  });
});
