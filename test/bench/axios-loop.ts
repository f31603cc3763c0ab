import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import axios from "axios";
import { offer } from "./remote.ts";
import type { Submission } from "./services.ts";

const client = axios.create({ httpAgent: new Agent({ keepAlive: true }) });

function post(url: string, { endpoint, query, body }: Submission): Promise<unknown> {
  return client.post(`${url}/api/v1/${endpoint}`, body, { params: query });
}

/** What one would write who only had to post. Times are milliseconds. */
const loop = {
  /** Posts all, so many at once, with a URL of the cluster after getting the log of each build there; the time it takes. */
  async postAll(url: string, submissions: readonly Submission[], atOnce: number, cluster?: string) {
    const begun = performance.now();
    const waiting = submissions.values();
    const work = async () => {
      for (const submission of waiting) {
        if (cluster) await client.get(`${cluster}${submission.logPath}`);
        await post(url, submission);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return performance.now() - begun;
  },
  /** Posts so many a second; the time of each. */
  async postEvenly(url: string, submissions: readonly Submission[], rate: number) {
    const begun = performance.now();
    const posts: Promise<number>[] = [];
    for (const [index, submission] of submissions.entries()) {
      await sleep(Math.max(0, begun + (index * 1000) / rate - performance.now()));
      const sent = performance.now();
      posts.push(post(url, submission).then(() => performance.now() - sent));
    }
    return Promise.all(posts);
  },
};

export type Loop = typeof loop;

offer(loop);
