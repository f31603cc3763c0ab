import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { openEventStream } from "../support/event-stream.ts";
import { openPageServer } from "../support/page-server.ts";
import { attacks, hostileJob, hostileResult } from "./hostile.ts";

/** A page full of jobs whose every text was written by an attacker; half of them failed with such a text. */
async function serve() {
  const server = await openPageServer({
    namespaces: [...attacks],
    track: [...attacks],
    workers: 50,
    ready: { ok: false, because: attacks },
    readBuildLog: async () => attacks.join("\n"),
  });
  for (const message of attacks) {
    server.activity.see({ kind: "trouble", namespace: message, reason: "Forbidden", message, retryIn: 0 });
  }
  const jobs = attacks.map(hostileJob);
  const fails = new Set(jobs.filter((_job, index) => index % 2 === 0).map(({ id }) => id));
  await Promise.all(jobs.map((job) => server.queue.add(job)));
  server.work(async ({ id, trigger = "" }) => {
    if (fails.has(id)) throw new JobError("AnalyzerRejected", trigger);
    return hostileResult(trigger);
  });
  await server.queue.idle();
  return { ...server, jobs };
}

describe("text from outside", () => {
  let pages: readonly string[];

  beforeAll(async () => {
    await using server = await serve();
    const paths = [
      "/",
      ...attacks.map((text) => `/?text=${encodeURIComponent(text.slice(0, 1_000))}`),
      ...server.jobs.map(({ id }) => `/jobs/${encodeURIComponent(id)}?log=1`),
    ];
    pages = await Promise.all(paths.map(async (path) => (await server.get(path, { accept: "text/html" })).text()));
  });

  it("becomes no element and no attribute on any page", () => {
    expect(pages.length).toBeGreaterThan(20);
    for (const page of pages) {
      expect(page.match(/<script/g)).toHaveLength(1);
      expect(page).not.toMatch(/<img|<svg\/|<b>{3}|<[^>"]*\son[a-z]+=/i);
      expect(page).not.toMatch(/(?:href|src|action)="(?!\/|https?:|data:image\/svg|#)/);
    }
  });

  it("does not swell the list", () => {
    expect(pages[0]?.length).toBeLessThan(attacks.length * 40_000);
  });

  it("breaks no stream of events apart", async () => {
    const server = await serve();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const stream = await openEventStream(`${server.url}/events`);
    onTestFinished(() => stream.close());
    await stream.waitFor(({ name }) => name === ":");
    for (const { id } of server.jobs) await server.queue.retry(id);
    await stream.waitFor(({ name, data }) => name === "row" && JSON.stringify(data).includes("desrever"));
    expect(new Set(stream.events.map(({ name }) => name))).toEqual(new Set([":", "overview", "row"]));
    expect(stream.events.filter(({ name, data }) => name === "row" && !(data as { id?: string }).id)).toEqual([]);
  });
});
