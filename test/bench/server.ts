import { type ClientRequest, get } from "node:http";
import { type Measurement, quantile } from "./measurement.ts";
import type { PageProcess } from "./page-process.ts";
import { startRemote } from "./remote.ts";

const openPages = 200;
const changes = 50;
const records = 100_000;

/** The status page: what open pages cost, and how fast it is over a large ledger. */
export async function benchServer(): Promise<readonly Measurement[]> {
  return [await costOfOpenPages(), await throughputBesidePages(), ...(await pageOverManyRecords())];
}

async function costOfOpenPages(): Promise<Measurement> {
  const time = 10_000;
  await using page = startRemote<PageProcess>("./page-process.ts");
  const url = await page.call("open");
  await page.call("run", 500);
  const alone = await page.call("live", changes, time);
  await using streams = await openStreams(url);
  const watched = await page.call("live", changes, time);
  return {
    name: `share of a core with ${openPages} open pages and ${changes} jobs a second`,
    ratio: watched,
    bound: { max: 0.5 },
    detail: `${alone.toFixed(2)} without pages; ${(streams.bytes() / 1024 ** 2).toFixed(0)} MiB of events in ${time / 1000} s`,
  };
}

async function throughputBesidePages(): Promise<Measurement> {
  const [rounds, count] = [5, 10_000];
  await using page = startRemote<PageProcess>("./page-process.ts");
  const url = await page.call("open");
  const alone: number[] = [];
  const watched: number[] = [];
  await page.call("run", count);
  for (let round = 0; round < rounds; round++) {
    alone.push(await page.call("run", count));
    await using _streams = await openStreams(url);
    watched.push(await page.call("run", count));
  }
  const [without, beside] = [alone, watched].map((times) => (count * 1000) / quantile(times, 0.5));
  return {
    name: `jobs a second with ${openPages} open pages, over without`,
    ratio: (beside ?? 0) / (without ?? 1),
    bound: { min: 0.9 },
    detail: `${beside?.toFixed(0)}/s over ${without?.toFixed(0)}/s, medians of ${rounds} rounds of ${count}`,
  };
}

/** One request after another, as one reader makes them. */
async function pageOverManyRecords(): Promise<readonly Measurement[]> {
  await using page = startRemote<PageProcess>("./page-process.ts");
  const url = await page.call("open");
  await page.call("run", records);
  const paths = {
    "the first page": "/",
    "a namespace's": "/?namespace=shop-7&state=done",
    "a search without a find": "/?text=quokka",
  };
  const measured: Measurement[] = [];
  for (const [name, path] of Object.entries(paths)) {
    const times = await answerTimes(`${url}${path}`, 100);
    measured.push({
      name: `milliseconds until ${name} page of ${records} records is there`.replace("page page", "page"),
      ratio: quantile(times, 0.5),
      bound: path === "/" ? { max: 50 } : {},
      detail: `median; 99 %: ${quantile(times, 0.99).toFixed(1)} ms`,
    });
  }
  return measured;
}

async function answerTimes(url: string, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let asked = 0; asked < count; asked++) {
    const start = performance.now();
    await (await fetch(url, { headers: { accept: "text/html" } })).text();
    times.push(performance.now() - start);
  }
  return times;
}

interface Streams extends AsyncDisposable {
  /** Received so far. */
  bytes(): number;
}

async function openStreams(url: string): Promise<Streams> {
  let bytes = 0;
  const requests: readonly ClientRequest[] = await Promise.all(
    Array.from(
      { length: openPages },
      () =>
        new Promise<ClientRequest>((resolve, reject) => {
          const request = get(`${url}/events`, { agent: false }, (response) => {
            response.on("data", (chunk: Buffer) => {
              bytes += chunk.length;
            });
            response.on("error", () => undefined);
            resolve(request);
          });
          request.once("error", reject);
        }),
    ),
  );
  return {
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      for (const request of requests) {
        request.on("error", () => undefined);
        request.destroy();
      }
    },
  };
}
