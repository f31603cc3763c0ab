import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Job } from "../../src/core/jobs/job.ts";
import { openDatabase } from "../../src/postgres/index.ts";
import type { JobHandler, JobQueue, JobResult } from "../../src/queue/job-queue.ts";
import type { TakenRow } from "../../src/queue/postgres/exchange.ts";
import { openPostgresQueue } from "../../src/queue/postgres/queue.ts";
import { buildJob, imageName } from "../queue/jobs.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startBotProcess } from "./bot-process.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { startRemote } from "./remote.ts";
import type { Services } from "./services.ts";

const result: JobResult = { output: imageName(0), analyses: [{ of: "output", id: "a-1", cached: false }], notes: [] };

/** Measures the queue in a PostgreSQL that syncs its disk as a real one does. */
export async function benchDatabase(): Promise<readonly Measurement[]> {
  const server = await startPostgres(["fsync=on", "full_page_writes=on"]);
  try {
    return [await throughput(server), await replicas(server), await latency(server)];
  } finally {
    await server.close();
  }
}

const rounds = 5;
const jobsInRound = 400;
const places = 16;
const batch = 100;

/** Both do the same statements with the same batches by turns, each on a database of its own. */
async function throughput(server: PostgresServer): Promise<Measurement> {
  const [ours, raw] = [await throughQueue(server), await throughDriver(server)];
  const times: { readonly ours: number; readonly raw: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const work = Array.from({ length: jobsInRound }, (_, index) => buildJob(round * jobsInRound + index));
    const measured = { raw: await timed(() => raw.cycle(work)), ours: await timed(() => ours.cycle(work)) };
    // The first round prepares plans and files.
    if (round > 0) times.push(measured);
  }
  await Promise.all([ours.close(), raw.close()]);
  const [queue, driver] = [
    quantile(
      times.map((time) => time.ours),
      0.5,
    ),
    quantile(
      times.map((time) => time.raw),
      0.5,
    ),
  ];
  const rate = (milliseconds: number) => ((jobsInRound * 1_000) / milliseconds).toFixed(0);
  return {
    name: "jobs a second through the queue in PostgreSQL / the same statements through pg",
    ratio: quantile(
      times.map((time) => time.raw / time.ours),
      0.5,
    ),
    bound: { min: 0.6 },
    detail: `${rate(queue)}/s over ${rate(driver)}/s, medians of ${rounds} rounds of ${jobsInRound} jobs added ${batch} at a time, then ${places} at a time claimed and completed by one statement on either side`,
  };
}

interface Contestant {
  /** Adds, claims and completes these jobs. */
  cycle(work: readonly Job[]): Promise<void>;
  close(): Promise<void>;
}

async function throughQueue(server: PostgresServer): Promise<Contestant> {
  const { url } = await server.createDatabase();
  const { queue, close } = await openReplica(url, places, async () => result);
  return {
    close,
    async cycle(work) {
      for (let first = 0; first < work.length; first += batch) {
        await Promise.all(work.slice(first, first + batch).map((job) => queue.add(job)));
      }
      await queue.idle();
    },
  };
}

async function throughDriver(server: PostgresServer): Promise<Contestant> {
  const { url } = await server.createDatabase();
  await (await openReplica(url, 1, async () => result)).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("SELECT build_watcher.beat('raw', 'raw', 0, NULL, '{}', '{}', 3600000, 0)");
  const wanted = { replica: "raw", workers: places, rooms: [[0, 1]], running: [], longest: 3_600_000, patience: 180_000 };
  const outcome = { outcome: "done", isAlive: true, result: JSON.stringify(result), analysis: "submitted" };

  /** As the queue does it: what ended is told with the wish for more, by one statement. */
  async function exchange(added: readonly object[], ended: readonly TakenRow[]): Promise<readonly TakenRow[]> {
    const ends = ended.map(({ number, token, analyzer }) => ({ number, token, analyzer, ...outcome }));
    const values = [added, ends, { ...wanted, token: randomUUID() }].map((value) => JSON.stringify(value));
    const { rows } = await client.query("SELECT build_watcher.exchange('submit', NULL, $1, $2, $3) AS answer", values);
    return rows[0].answer.taken.filter(({ number }: TakenRow) => number !== null);
  }

  return {
    close: () => client.end(),
    async cycle(work) {
      let taken: readonly TakenRow[] = [];
      for (let first = 0; first < work.length; first += batch) {
        taken = await exchange(work.slice(first, first + batch).map(asAdded), taken);
      }
      while (taken.length > 0) taken = await exchange([], taken);
    },
  };
}

function asAdded(job: Job): object {
  const digest = job.output?.kind === "reference" ? job.output.reference.digest : undefined;
  const images = { outputDigest: digest, covers: imageName(Number(job.id.split("-").at(-1))), inputs: [] };
  const names = { id: job.id, otherId: job.id, group: job.id, analyzer: job.analyzer, tenant: job.build?.namespace };
  return { ...names, ...images, job: JSON.stringify(job), cause: job.cause, added: randomUUID(), pool: 0, lane: 0, alone: false };
}

/** Milliseconds a slow registry takes for each of the requests of a copy, one after the other. */
const slowness = { request: 100, requests: 3 };
const copies = 80;

/** Copies, as far as a replica waits for them: one request after the other to a registry that takes its time. */
async function replicas(server: PostgresServer): Promise<Measurement> {
  const registry = createServer((_request, response) => void sleep(slowness.request).then(() => response.end()));
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  const address = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const ratios: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const one = await copyAll(server, address, 1);
    ratios.push(one / (await copyAll(server, address, 2)));
  }
  registry.close();
  return {
    name: "copies a second of two replicas / of one, bound by a slow registry",
    ratio: quantile(ratios, 0.5),
    bound: { min: 1.8 },
    detail: `median of 3 pairs, ${copies} copies of ${slowness.requests} requests of ${slowness.request} ms, 2 workers a replica`,
  };
}

async function copyAll(server: PostgresServer, registry: string, count: number): Promise<number> {
  const { url } = await server.createDatabase();
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let copied = 0;
  const copy: JobHandler = async () => {
    for (let request = 0; request < slowness.requests; request += 1) await (await fetch(registry)).text();
    copied += 1;
    if (copied === copies) resolve();
    return result;
  };
  const opened = await Promise.all(Array.from({ length: count }, () => openReplica(url, 2, copy)));
  const [first] = opened;
  const took = await timed(async () => {
    await Promise.all(Array.from({ length: copies }, (_, number) => first?.queue.add(buildJob(number))));
    await done;
  });
  await Promise.all(opened.map(({ close }) => close()));
  return took;
}

const events = { count: 300, rate: 30 };

/** At a modest pace, so that the time of one build is seen and not the length of a queue. */
async function latency(server: PostgresServer): Promise<Measurement> {
  const { url } = await server.createDatabase();
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await services.call("run", events.count);
  await using bot = await startBotProcess({
    ...urls,
    flags: ["--workers-count", "16"],
    environment: { BUILD_WATCHER_DATABASE_URL: url },
  });
  await bot.whileItRuns(services.call("watched"));
  const times = await bot.whileItRuns(services.call("completeEvenly", events.count, events.rate));
  const median = quantile(times, 0.5);
  return {
    name: "median milliseconds from the Complete event to the request, with PostgreSQL on loopback",
    ratio: median,
    bound: { max: 15 },
    detail: `99 %: ${quantile(times, 0.99).toFixed(1)} ms, ${events.count} builds, ${events.rate} a second`,
  };
}

async function openReplica(
  url: string,
  workers: number,
  handle: JobHandler,
): Promise<{ readonly queue: JobQueue; close(): Promise<void> }> {
  const database = openDatabase({ url });
  const queue: JobQueue = await openPostgresQueue({
    database,
    queue: "submit",
    workers,
    jobTimeout: 60_000,
    giveUpAfter: 60_000,
  });
  queue.work(handle);
  return {
    queue,
    async close() {
      await queue.close();
      await database.close();
    },
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}
