import { setTimeout as sleep } from "node:timers/promises";
import type { JobResult } from "../../src/queue/job-queue.ts";
import { job } from "../server/records.ts";
import { openPageServer, type PageServer } from "../support/page-server.ts";
import { offer } from "./remote.ts";

const result: JobResult = { analyses: [{ of: "output", id: "a-1", cached: false, state: "running" }], notes: [] };
const batch = 500;

let server: PageServer | undefined;
let jobs = 0;

function opened(): PageServer {
  if (!server) throw new Error("open() comes first");
  return server;
}

function nextJob() {
  jobs += 1;
  return job(`shop-${jobs % 300}/web-${jobs}`, { trigger: "Image change", commit: "0123456789abcdef" });
}

/** A page over a ledger of its own, in the process whose CPU time is read. Times are milliseconds. */
const page = {
  async open(): Promise<string> {
    server = await openPageServer({ workers: 16, namespaces: [undefined] });
    server.work(async () => result);
    return server.url;
  },
  /** Runs so many jobs as fast as they go; the time it took. */
  async run(count: number): Promise<number> {
    const { queue } = opened();
    const start = performance.now();
    for (let done = 0; done < count; done += batch) {
      await Promise.all(Array.from({ length: Math.min(batch, count - done) }, () => queue.add(nextJob())));
    }
    await queue.idle();
    return performance.now() - start;
  },
  /** Takes in, runs and ends so many jobs a second; the share of one core it took. */
  async live(rate: number, milliseconds: number): Promise<number> {
    const { queue } = opened();
    const start = performance.now();
    const before = process.cpuUsage();
    let taken = 0;
    while (performance.now() - start < milliseconds) {
      await queue.add(nextJob());
      taken += 1;
      await sleep(Math.max(start + (1_000 * taken) / rate - performance.now(), 0));
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 / (performance.now() - start);
  },
};

export type PageProcess = typeof page;

offer(page);
