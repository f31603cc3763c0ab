import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { failureReasons, JobError } from "../../../src/core/jobs/errors.ts";
import { openEmbeddedQueue } from "../../../src/queue/index.ts";
import { temporaryDirectory } from "../../queue/embedded-storage.ts";
import { digestOf, job } from "../../server/records.ts";
import { startBot } from "../../support/bot.ts";
import { openPageServer, type PageServerOptions } from "../../support/page-server.ts";

/** Runs the command with a bot that answers at this port, if any does. */
async function runStatus(port: string, stateDirectory: string, flags: readonly string[] = []) {
  const run = startBot(["status", ...flags], { PORT: port, BUILD_WATCHER_STATE_DIR: stateDirectory });
  return { code: await run.exit, text: run.stdout() };
}

async function serve(options: PageServerOptions = {}) {
  const server = await openPageServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { ...server, port: new URL(server.url).port };
}

describe("status", () => {
  it("says what a running bot's page says", async () => {
    const { port, queue, activity, builds, work } = await serve({ namespaces: ["shop", "bank"] });
    activity.see({ kind: "synced", namespace: "shop", startedAt: 0 });
    const build = { namespace: "shop", name: "api-7", uid: "api-7" };
    const completedAt = new Date().toISOString();
    const failed = {
      kind: "failed",
      phase: "Failed",
      build,
      reason: "PushFailed",
      labels: {},
      outputs: [],
      completedAt,
    } as const;
    builds.see({ kind: "builds", namespace: "shop", builds: [failed], listed: false });
    for (const number of [1, 2, 3]) await queue.add(job(`shop/web-${number}`));
    work(async ({ build }) => {
      if (build?.name === "web-1") throw new JobError("AnalyzerRejected", "no");
      return { analyses: [{ of: "output", id: "a", cached: false }], notes: [] };
    });
    await queue.idle();
    const { code, text } = await runStatus(port, temporaryDirectory());
    expect(code).toBe(0);
    expect(text.split("\n")).toEqual([
      "Problems   Refused by the analysis service in namespace shop: 1 job failed (began just now)",
      "             no",
      `             ${failureReasons.AnalyzerRejected.remedy}`,
      "Watching   shop, bank; started just now, no event yet, last list just now",
      "Builds     0 running, 1 failed on the cluster: shop/api-7 (PushFailed, just now)",
      "Queue      0 waiting, 0 running, 2 submitted, 1 failed",
      "Endpoint   answering; last submission taken just now",
      "Last hour  2 done, 1 failed",
      `Page       http://127.0.0.1:${port}/`,
      "",
    ]);
  });

  it("shows trouble with the watch and the endpoint, and what to do", async () => {
    const { port, activity } = await serve({
      namespaces: [undefined],
      ready: { ok: false, because: ["Builds of all namespaces: not listed yet"] },
    });
    expect((await runStatus(port, temporaryDirectory())).text).toContain("           Builds of all namespaces: not listed yet\n");
    activity.see({
      kind: "trouble",
      namespace: undefined,
      reason: "Forbidden",
      message: "oc adm policy add-cluster-role-to-user view",
      retryIn: 0,
    });
    activity.discovered("thoth", "THOTH_USER_API_HOST does not answer");
    const { text } = await runStatus(port, temporaryDirectory());
    expect(text).toContain("the whole cluster");
    expect(text.split("\n").slice(0, 4)).toEqual([
      "Problems   The bot has no right to read builds: no builds are seen (began just now)",
      "             oc adm policy add-cluster-role-to-user view",
      "           Analyzer thoth accepts no submissions (began just now)",
      "             THOTH_USER_API_HOST does not answer",
    ]);
    expect(text).toContain("Endpoint   down: THOTH_USER_API_HOST does not answer");
  });

  it("asks the ledger where no bot answers, and says so", async () => {
    const directory = temporaryDirectory();
    const queue = openEmbeddedQueue({ directory, workers: 1, jobTimeout: 1, giveUpAfter: 1 });
    await queue.add(job("shop/web-1"));
    await queue.close();
    const other = createServer((_request, response) => void response.end('{"name":"another"}')).listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, text } = await runStatus(String(port), directory);
    expect(code).toBe(1);
    expect(text).toBe(
      `No bot answers at http://127.0.0.1:${port}; this is what the ledger in ${directory} says.\nQueue      1 waiting (the oldest came just now), 0 running, 0 failed\n`,
    );
  });

  it("prints one JSON document for programs", async () => {
    const { port, queue } = await serve();
    await queue.add(job("shop/web-1", { commit: digestOf("x") }));
    expect(JSON.parse((await runStatus(port, temporaryDirectory(), ["--json"])).text)).toMatchObject({
      name: "build-watcher",
      jobs: { waiting: 1 },
    });
    expect(JSON.parse((await runStatus("0", temporaryDirectory(), ["--json"])).text)).toMatchObject({
      jobs: { waiting: 0, running: 0, done: 0, failed: 0, dismissed: 0 },
    });
  });
});
