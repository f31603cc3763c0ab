import { expect, it, onTestFinished } from "vitest";
import { QueueUnavailableError, type Replica } from "../../src/queue/job-queue.ts";
import type { StatusJson } from "../../src/server/status.ts";
import { temporaryDirectory } from "../queue/embedded-storage.ts";
import { startBot } from "../support/bot.ts";
import { openPageServer, type PageServerOptions } from "../support/page-server.ts";
import { job, record } from "./records.ts";

const now = Date.now();
const replica = (name: string, further: Partial<Replica> = {}): Replica => ({
  name,
  isSelf: false,
  startedAt: now - 3_600_000,
  seenAt: now,
  running: [],
  ...further,
});

const three = [
  replica("bot-a", { isSelf: true, running: [{ id: job("shop/web-1").id, since: now - 60_000 }] }),
  replica("bot-b", { running: [{ id: "gone", since: now }] }),
  replica("<b>bot-c", { seenAt: now - 30_000 }),
];

async function serve(replicas: readonly Replica[] | Error, further: PageServerOptions["queue"] = {}) {
  const running = record({ job: job("shop/web-1"), state: "running" });
  const server = await openPageServer({
    queue: {
      async replicas() {
        if (replicas instanceof Error) throw replicas;
        return replicas;
      },
      recent: async (_limit, filter) => (filter?.state === "running" ? [running] : []),
      ...further,
    },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function statusOf(url: string) {
  const run = startBot(["status"], { PORT: new URL(url).port, BUILD_WATCHER_STATE_DIR: temporaryDirectory() });
  return { code: await run.exit, text: run.stdout() };
}

it("the page says which replicas are alive, since when, and what each runs", async () => {
  const server = await serve(three);
  const page = await (await server.get("/", { accept: "text/html" })).text();
  const [, part = ""] = /<div class="card replicas">([\s\S]*?)<\/ul>/.exec(page) ?? [];
  const text = part.replaceAll(/<[^>]+>/g, "").replaceAll(/\s+/g, " ");
  expect(text).toContain("2 working, 1 silent");
  expect(text).toMatch(/bot-a \(this one\) · started .* · runs 1 job.*shop\/web-1/);
  expect(part).toContain(`href="/jobs/${job("shop/web-1").id}"`);
  expect(text).toMatch(/bot-c · ▲ last sign of life .*, the others take over its jobs · runs nothing/);
  expect(part).not.toContain("<b>bot-c");
});

it("the API and the command status say the same", async () => {
  const server = await serve(three);
  const { replicas } = (await (await server.get("/api/status")).json()) as StatusJson;
  expect(replicas.map(({ name, isAlive, isSelf }) => `${name} ${isAlive} ${isSelf}`)).toEqual([
    "bot-a true true",
    "bot-b true false",
    "<b>bot-c false false",
  ]);
  expect(replicas[0]?.running).toMatchObject([{ id: job("shop/web-1").id, subject: expect.stringContaining("shop/web-1") }]);
  const { code, text } = await statusOf(server.url);
  expect(code).toBe(0);
  expect(text).toMatch(/^Replicas +bot-a \(asked\), started .* ago, runs .*shop\/web-1/m);
  expect(text).toMatch(/^ +bot-b, started .* ago, runs gone$/m);
  expect(text).toMatch(/^ +<b>bot-c, last sign of life .* ago, runs nothing$/m);
});

it("nothing is said of replicas where a bot works alone", async () => {
  const server = await serve(three.slice(0, 1));
  expect(await (await server.get("/", { accept: "text/html" })).text()).not.toContain("Replicas");
  expect((await statusOf(server.url)).text).not.toContain("Replicas");
});

it("status says that the bot is there but its database is not", async () => {
  const server = await serve(new QueueUnavailableError("The database db:5432/bot cannot be used: nothing listens there."));
  const { code, text } = await statusOf(server.url);
  expect(code).toBe(1);
  expect(text).toBe(
    `Problems   The bot at ${server.url} cannot answer just now: The database db:5432/bot cannot be used: nothing listens there.\n`,
  );
});
