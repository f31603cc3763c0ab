import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { temporaryDirectory } from "./embedded-storage.ts";

const script = fileURLToPath(new URL("crash-child.ts", import.meta.url));
const kills = 6;

describe("kill -9 while jobs are added and run", () => {
  let directory: string;

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs a child until it is killed, some milliseconds after it first said something; answers the lines it said. */
  async function killedChild(first: number, lifetime: number): Promise<readonly string[]> {
    const child: ChildProcess = spawn(process.execPath, [script, directory, String(first)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout?.on("data", (data) => {
      if (said === "") setTimeout(() => child.kill("SIGKILL"), lifetime);
      said += data;
    });
    const [code, signal] = await once(child, "close");
    expect([code, signal], "the child fell before it was pushed").toEqual([null, "SIGKILL"]);
    return said.split("\n").slice(0, -1);
  }

  function open(): JobQueue {
    return openEmbeddedQueue({ directory, workers: 4, jobTimeout: 60_000, giveUpAfter: 60_000 });
  }

  it("loses nothing that was confirmed, repeats nothing that was recorded, and frees the directory", async () => {
    const added = new Set<string>();
    const done = new Set<string>();
    const repeated: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const lines = await killedChild(added.size + 10 * kill, 20 + 25 * kill + Math.random() * 25);
      for (const [what = "", id = ""] of lines.map((line) => line.split(" "))) {
        if (what === "added") added.add(id);
        if (what === "run" && done.has(id)) repeated.push(id);
        if (what === "done") done.add(id);
      }
    }
    const queue = open();
    const states = new Map((await queue.recent(1_000_000)).map(({ job, state }) => [job.id, state]));
    expect([...added].filter((id) => !states.has(id))).toEqual([]);
    expect([...done].filter((id) => states.get(id) !== "done")).toEqual([]);
    expect(repeated).toEqual([]);
    expect(done.size).toBeGreaterThan(0);
    const { waiting, running, done: recorded } = await queue.counts();
    expect(running).toBe(0);
    expect(waiting + recorded).toBe((await queue.recent(1_000_000)).length);
    await queue.close();
  });
});
