import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openTestInventory } from "../../support/inventory.ts";
import { quantile } from "../measurement.ts";
import { offer } from "../remote.ts";

/** The inventory in a process of its own. Memory is in bytes. */
const functions = {
  /** What the process takes at rest when it has read a small image, what it took at most while it read another, and how many packages that has. */
  async read(small: string, name: string) {
    await using test = await openTestInventory();
    await test.read(small);
    const looks: number[] = [];
    for (let look = 0; look < 10; look++) {
      await sleep(200);
      looks.push(memory("VmRSS"));
    }
    // From here on the kernel notes the highest anew (proc_pid_clear_refs(5)).
    writeFileSync("/proc/self/clear_refs", "5");
    const { contents } = await test.read(name);
    return { idle: quantile(looks, 0.5), peak: memory("VmHWM"), packages: contents[0]?.count ?? 0 };
  },
};

export type ReaderProcess = typeof functions;

function memory(field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

offer(functions);
