import { describe, expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { type EventStream, openEventStream, type StreamedEvent } from "../support/event-stream.ts";
import { openPageServer, type PageServer, type PageServerOptions } from "../support/page-server.ts";
import { job } from "./records.ts";

interface RowData {
  readonly id: string;
  readonly html: string;
  readonly fits: boolean;
}

async function serve(options: PageServerOptions = {}) {
  const server = await openPageServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  async function listen(path: string, headers?: Record<string, string>): Promise<EventStream> {
    const stream = await openEventStream(`${server.url}${path}`, headers);
    onTestFinished(() => stream.close());
    return stream;
  }
  return { ...server, listen };
}

/** The stream's address as a page names it. */
async function addressOn(server: Pick<PageServer, "get">, path: string): Promise<string> {
  const page = await (await server.get(path, { accept: "text/html" })).text();
  return /data-events="([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
}

function isRow(subject: string, state: string): (event: StreamedEvent) => boolean {
  return ({ name, data }) => {
    const { id, html } = name === "row" ? (data as RowData) : { id: "", html: "" };
    return id === `row-${job(subject).id}` && html.includes(`class="${state}"`);
  };
}

describe("an open page", () => {
  it("shows new jobs and each change of their state", async () => {
    const server = await serve();
    const { response, waitFor } = await server.listen(await addressOn(server, "/"));
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    await server.queue.add(job("shop/web-1"));
    await waitFor(isRow("shop/web-1", "waiting"));
    server.work(async () => ({ analyses: [], notes: [] }));
    const { data } = await waitFor(isRow("shop/web-1", "done"));
    expect(data).toMatchObject({ fits: true });
  });

  it("shows what changed before it began to listen", async () => {
    const server = await serve();
    const address = await addressOn(server, "/");
    await server.queue.add(job("shop/web-1"));
    await (await server.listen(address)).waitFor(isRow("shop/web-1", "waiting"));
  });

  it("gets nothing that it shows already", async () => {
    const server = await serve();
    await server.queue.add(job("shop/old-1"));
    const stream = await server.listen(await addressOn(server, "/"));
    await server.queue.add(job("shop/new-1"));
    await stream.waitFor(isRow("shop/new-1", "waiting"));
    expect(stream.events.filter(isRow("shop/old-1", "waiting"))).toEqual([]);
  });

  it("shows an analysis that continues after its job is done", async () => {
    const server = await serve();
    await server.queue.add(job("shop/web-1"));
    server.work(async () => ({ analyses: [{ of: "output", id: "a", cached: false, state: "running" }], notes: [] }));
    await server.queue.idle();
    const { waitFor } = await server.listen(await addressOn(server, "/"));
    await server.queue.amend(job("shop/web-1").id, (result) => ({
      ...result,
      analyses: result.analyses.map((analysis) => ({ ...analysis, state: "succeeded" as const, endedAt: Date.now() })),
    }));
    const { data } = await waitFor(({ name }) => name === "row");
    expect((data as RowData).html).toContain("analysed");
  });

  it("continues after a lost connection, and reloads if the bot no longer knows where it was", async () => {
    const server = await serve();
    const first = await server.listen(await addressOn(server, "/"));
    await server.queue.add(job("shop/web-1"));
    const { id } = await first.waitFor(isRow("shop/web-1", "waiting"));
    first.close();
    const between = await server.listen("/events");
    await server.queue.add(job("shop/web-2"));
    await between.waitFor(isRow("shop/web-2", "waiting"));
    const again = await server.listen("/events", { "last-event-id": id ?? "" });
    await again.waitFor(isRow("shop/web-2", "waiting"));
    expect(again.events.some(isRow("shop/web-1", "waiting"))).toBe(false);
    for (const unknown of ["another-life-7", "nonsense", `${id?.split("-")[0]}-99999`]) {
      await (await server.listen("/events", { "last-event-id": unknown })).waitFor(({ name }) => name === "refresh");
    }
  });

  it("reloads if too much changed", async () => {
    const server = await serve();
    const { waitFor } = await server.listen(await addressOn(server, "/"));
    await Promise.all(Array.from({ length: 300 }, (_, number) => server.queue.add(job(`shop/web-${number}`))));
    await waitFor(({ name }) => name === "refresh");
  });

  it.each([
    ["/?namespace=shop", { shop: true, bank: false }],
    ["/?text=api", { shop: false, bank: true }],
    ["/?state=failed", { shop: false, bank: false }],
    ["/", { shop: true, bank: true }],
  ])("at %s is told which jobs belong on it: %j", async (path, expected) => {
    const server = await serve();
    const stream = await server.listen(await addressOn(server, path));
    await server.queue.add(job("shop/web-1"));
    await server.queue.add(job("bank/api-1"));
    const shop = await stream.waitFor(isRow("shop/web-1", "waiting"));
    const bank = await stream.waitFor(isRow("bank/api-1", "waiting"));
    expect({ shop: (shop.data as RowData).fits, bank: (bank.data as RowData).fits }).toEqual(expected);
  });

  it("keeps its rows up to date on later pages, without adding new ones", async () => {
    const server = await serve();
    await server.queue.add(job("shop/web-1"));
    const stream = await server.listen(`/events?before=${job("shop/web-1").id}`);
    await server.queue.add(job("shop/web-2"));
    expect((await stream.waitFor(isRow("shop/web-2", "waiting"))).data).toMatchObject({ fits: false });
  });

  it("of one job gets only that job's changes", async () => {
    const server = await serve();
    await server.queue.add(job("shop/web-1"));
    const { waitFor, events } = await server.listen(await addressOn(server, `/jobs/${job("shop/web-1").id}`));
    await server.queue.add(job("shop/web-2"));
    await server.queue.dismiss(job("shop/web-1").id);
    await waitFor(({ name }) => name === "refresh");
    expect(events.filter(({ name }) => name === "row")).toEqual([]);
  });

  it("shows how the overview changes", async () => {
    const server = await serve();
    const { waitFor } = await server.listen(await addressOn(server, "/"));
    await server.queue.add(job("shop/web-1"));
    server.work(async () => {
      throw new JobError("AnalyzerRejected", "no");
    });
    const isFailed = ({ data }: StreamedEvent) => (data as { title: string } | undefined)?.title.includes("1 failed") ?? false;
    const { data } = await waitFor((event) => event.name === "overview" && isFailed(event));
    expect(data).toMatchObject({
      line: "Jobs: 1 failed; Refused by the analysis service: 1 job failed",
      html: expect.stringContaining("Retry all failed"),
    });
  });

  it("loses its stream when the bot stops", async () => {
    const server = await openPageServer();
    const { ended, waitFor } = await openEventStream(`${server.url}/events`);
    await waitFor(({ name }) => name === "overview");
    await server[Symbol.asyncDispose]();
    await ended;
  });
});

describe("the queue", () => {
  it("is asked once for all pages, and not at all while there are none", async () => {
    let asked = 0;
    const server = await serve({
      queue: {
        recent: async () => {
          asked += 1;
          return [];
        },
      },
    });
    const streams = await Promise.all([1, 2, 3].map(() => server.listen("/events")));
    await Promise.all(streams.map(({ waitFor }) => waitFor(({ name }) => name === ":")));
    expect(asked).toBeLessThanOrEqual(2);
    for (const stream of streams) stream.close();
    await Promise.all(streams.map(({ ended }) => ended));
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = asked;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(asked).toBe(before);
  });
});
