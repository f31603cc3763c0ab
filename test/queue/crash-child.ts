import { writeSync } from "node:fs";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import { buildJob, nothing } from "./jobs.ts";

const [directory = "", first = "0"] = process.argv.slice(2);

function say(what: string, id: string): void {
  writeSync(1, `${what} ${id}\n`);
}

/** Adds jobs and runs them for as long as it is let live, and says what it did once that is on disk. */
async function main(): Promise<never> {
  const queue = openEmbeddedQueue({ directory, workers: 4, jobTimeout: 60_000, giveUpAfter: 60_000 });
  queue.work(
    async (job) => {
      say("run", job.id);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      return nothing;
    },
    ({ record, outcome }) => say(outcome, record.job.id),
  );
  for (let number = Number(first); ; number += 1) {
    const job = buildJob(number);
    await queue.add(job);
    say("added", job.id);
  }
}

await main();
