import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { openDatabase } from "../../src/postgres/index.ts";
import { type AttemptReport, type JobQueue, QueueUnavailableError } from "../../src/queue/job-queue.ts";
import { openEventStream } from "../support/event-stream.ts";
import { openPageServer } from "../support/page-server.ts";
import { describePostgres, sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { buildJob, type HeldHandler, heldHandler, nothing, result } from "./jobs.ts";
import {
  createHandle,
  type OpenedReplica,
  openQueueDatabase,
  type QueueDatabase,
  type ReplicaStorage,
} from "./postgres-storage.ts";

const second = 1_000;

describePostgres("replicas on one database", () => {
  let made: TestDatabase;
  let opened: QueueDatabase;
  let storage: ReplicaStorage;

  beforeAll(async () => {
    made = await (await sharedPostgres()).createDatabase();
    opened = await openQueueDatabase(made.url);
  });
  afterAll(async () => {
    await opened.close();
    await made.drop();
  });
  beforeEach(async () => {
    storage = await opened.replicas();
  });
  afterEach(() => storage.dispose());

  interface Working extends OpenedReplica {
    readonly handler: HeldHandler;
    readonly reports: AttemptReport[];
  }

  async function working(workers = 2): Promise<Working> {
    const replica = await storage.openReplica({ workers });
    const handler = heldHandler();
    const reports: AttemptReport[] = [];
    replica.queue.work(handler.handle, (report) => reports.push(report));
    return { ...replica, handler, reports };
  }

  const outcomes = ({ reports }: Working) => reports.map(({ record, outcome }) => `${record.job.id} ${outcome}`);
  const ids = ({ handler }: Working) => handler.runs.map(({ job }) => job.id);

  it("share the work: each job is known once and runs once, whichever replica added it", async () => {
    const replicas = await Promise.all([working(), working(), working()]);
    const adding = replicas.flatMap(({ queue }) => Array.from({ length: 12 }, (_, n) => queue.add(buildJob(n))));
    const answers = await Promise.all(adding);
    expect(answers.filter((answer) => answer === "added")).toHaveLength(12);
    await storage.clock.advance(2 * second);
    expect(replicas.map(({ handler }) => handler.open().length)).toEqual([2, 2, 2]);
    for (let ended = 0; ended < 12; ended += 1) {
      replicas.flatMap(({ handler }) => handler.open())[0]?.finish();
      await storage.clock.advance(2 * second);
    }
    const ran = replicas.flatMap(ids);
    expect(ran).toHaveLength(12);
    expect(new Set(ran).size).toBe(12);
    for (const { queue } of replicas) expect(await queue.counts()).toMatchObject({ done: 12, waiting: 0, running: 0 });
  });

  it("take over the jobs of one that died within fifteen seconds, and one of them reports it", async () => {
    const [dead, ...others] = await Promise.all([working(1), working(1), working(1)]);
    await dead?.queue.add(buildJob(1));
    await storage.settle();
    const [ran] = [dead, ...others].filter((replica) => replica?.handler.open().length === 1);
    const left = [dead, ...others].filter((replica) => replica !== ran) as Working[];
    ran?.handle.sever();
    await storage.clock.advance(15 * second);
    expect(left.flatMap(outcomes)).toEqual(["build-uid-1 interrupted"]);
    expect(left.flatMap(ids)).toEqual(["build-uid-1"]);
    left.flatMap(({ handler }) => handler.open())[0]?.finish(result);
    await storage.settle();
    expect(await left[0]?.queue.find("build-uid-1")).toMatchObject({ state: "done", attempts: 2, result });
  });

  it("stop their own attempts before others may begin them, and what those end with counts for nothing", async () => {
    const cut = await working(1);
    await cut.queue.add(buildJob(1));
    await storage.settle();
    const other = await working(1);
    await storage.clock.advance(10 * second);
    cut.handle.sever();
    let abortedAfter = 0;
    for (let passed = 0; other.handler.runs.length === 0; passed += 1) {
      await storage.clock.advance(second);
      if (abortedAfter === 0 && cut.handler.runs[0]?.signal.aborted) abortedAfter = passed + 1;
    }
    expect(abortedAfter).toBeGreaterThan(0);
    expect(other.handler.runs).toHaveLength(1);
    cut.handle.mend();
    await storage.clock.advance(5 * second);
    other.handler.runs[0]?.finish(result);
    await storage.clock.advance(5 * second);
    expect(outcomes(cut)).toEqual([]);
    expect(outcomes(other)).toEqual(["build-uid-1 interrupted", "build-uid-1 done"]);
    expect(await cut.queue.replicas()).toHaveLength(2);
  });

  it("lose nothing to each other over an outage of the database, however long: what ended meanwhile is recorded once", async () => {
    const replicas = await Promise.all([working(1), working(1)]);
    await Promise.all([1, 2].map((number) => replicas[0]?.queue.add(buildJob(number))));
    await storage.clock.advance(12 * second);
    for (const { handle } of replicas) handle.sever();
    await storage.clock.advance(3 * second);
    const late = replicas[0]?.queue.add(buildJob(3));
    for (const { handler } of replicas) handler.open()[0]?.finish(result);
    await storage.clock.advance(300 * second);
    expect(replicas[0]?.queue.trouble()?.message).toContain("cut");
    await expect(Promise.all([replicas[0]?.queue.counts(), storage.clock.advance(20 * second)])).rejects.toThrow(
      QueueUnavailableError,
    );
    for (const { handle } of replicas) handle.mend();
    await storage.clock.advance(5 * second);
    expect(await late).toBe("added");
    expect(replicas[0]?.queue.trouble()).toBeUndefined();
    expect(replicas.flatMap(outcomes).sort()).toEqual(["build-uid-1 done", "build-uid-2 done"]);
    expect(replicas.flatMap(ids)).toHaveLength(3);
  });

  it("ask an endpoint that is down by one job at a time, all of them together", async () => {
    const replicas = await Promise.all([working(2), working(2)]);
    await Promise.all(Array.from({ length: 8 }, (_, n) => replicas[n % 2]?.queue.add(buildJob(n))));
    await storage.clock.advance(2 * second);
    const open = () => replicas.flatMap(({ handler }) => handler.open());
    expect(open()).toHaveLength(4);
    for (const run of open()) run.fail(new JobError("AnalyzerUnavailable", "503"));
    await storage.settle();
    expect(open()).toHaveLength(0);
    await storage.clock.advance(150 * second);
    expect(open()).toHaveLength(1);
    open()[0]?.finish();
    await storage.clock.advance(2 * second);
    expect(open()).toHaveLength(4);
  });

  it("do one thing at a time, in turn, and another's when it died", async () => {
    const [one, other] = [await working(), await working()];
    const begun: string[] = [];
    const ending = new AbortController();
    const duty = ({ queue }: OpenedReplica, name: string) =>
      queue.alone(
        "rounds",
        (signal) => {
          begun.push(name);
          return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
        },
        ending.signal,
      );
    const duties = [duty(one, "one")];
    await storage.settle();
    duties.push(duty(other, "other"));
    await storage.clock.advance(20 * second);
    expect(begun).toEqual(["one"]);
    one.handle.sever();
    await storage.clock.advance(15 * second);
    expect(begun).toEqual(["one", "other"]);
    ending.abort();
    await storage.clock.advance(5 * second);
    await Promise.all(duties);
  });

  it("do once in a while what one of them does for all, and again what failed", async () => {
    const replicas = await Promise.all([working(), working()]);
    const done: number[] = [];
    const round = (index: number) => {
      const work = async () => done.push(index);
      return replicas[index]?.queue.once("round", 60 * second, work, new AbortController().signal);
    };
    expect([await round(0), await round(1)]).toEqual([1, undefined]);
    await storage.clock.advance(61 * second);
    const failing = replicas[0]?.queue.once(
      "round",
      60 * second,
      () => Promise.reject(new Error("no")),
      new AbortController().signal,
    );
    await expect(failing).rejects.toThrow("no");
    expect(await round(1)).toBe(2);
  });

  it("stop what they do once when they gave no sign of life, and leave it to another", async () => {
    const [one, other] = [await working(), await working()];
    const begun: string[] = [];
    const duty = ({ queue }: OpenedReplica, name: string) =>
      queue.once(
        "round",
        60 * second,
        (signal) => {
          begun.push(name);
          return new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve(`${name} stopped`)));
        },
        new AbortController().signal,
      );
    const first = duty(one, "one");
    await storage.settle();
    expect(await duty(other, "other")).toBeUndefined();
    one.handle.sever();
    await storage.clock.advance(6 * second);
    one.handle.mend();
    await storage.clock.advance(5 * second);
    expect(await first).toBe("one stopped");
    void duty(other, "other");
    await storage.settle();
    expect(begun).toEqual(["one", "other"]);
  });

  it("correct jobs of each other, but not those that run", async () => {
    const [one, other] = [await storage.openReplica(), await working()];
    await one.queue.add(buildJob(1));
    await storage.clock.advance(2 * second);
    expect(await one.queue.find("build-uid-1")).toMatchObject({ state: "running" });
    expect([await one.queue.retry("build-uid-1"), await one.queue.dismiss("build-uid-1")]).toEqual([false, false]);
    other.handler.open()[0]?.fail(new JobError("ImageNotFound", "gone"));
    await storage.settle();
    expect(outcomes(other)).toEqual(["build-uid-1 failed"]);
    expect(await one.queue.retry("build-uid-1")).toBe(true);
    await storage.clock.advance(2 * second);
    other.handler.open()[0]?.fail(new JobError("ImageNotFound", "gone"));
    await storage.settle();
    expect(ids(other)).toEqual(["build-uid-1", "build-uid-1"]);
    expect(await one.queue.dismiss("build-uid-1")).toBe(true);
    expect(await other.queue.find("build-uid-1")).toMatchObject({ state: "dismissed", attempts: 2 });
  });

  it("hear of each other's jobs before their next look, over a direct connection", async () => {
    const handles = [1, 2].map(() => {
      const database = openDatabase({ url: made.url });
      onTestFinished(() => database.close());
      return { ...createHandle(database), listen: database.listen };
    });
    const [one, other] = await Promise.all(handles.map((database) => storage.openReplica({ database })));
    const handler = heldHandler();
    other?.queue.work(handler.handle);
    for (let signs = 0; signs < 3; signs += 1) {
      await storage.clock.advance(second);
      await Promise.all(handles.map((handle) => handle.busy()));
    }
    await one?.queue.add(buildJob(1));
    await expect.poll(() => handler.runs.length).toBe(1);
  });

  it("send what changes at another to an open page", async () => {
    const [one, other] = [await storage.openReplica(), await working()];
    await using page = await openPageServer({ queue: one.queue });
    const stream = await openEventStream(`${page.url}/events`);
    await stream.waitFor(({ name }) => name === "overview");
    const row = (state: string) =>
      stream.waitFor(({ name, data }) => name === "row" && (data as { html: string }).html.includes(state));
    await other.queue.add(buildJob(1));
    await storage.clock.advance(2 * second);
    await row("running");
    other.handler.open()[0]?.finish(nothing);
    await row("done");
    stream.close();
  });

  it("do nothing twice because an answer was lost", async () => {
    const replica = await working(1);
    replica.handle.loseAnswer(/exchange/);
    const adding = replica.queue.add(buildJob(1));
    await storage.clock.advance(second);
    expect(await adding).toBe("added");
    await storage.settle();
    replica.handle.loseAnswer(/exchange/);
    replica.handler.open()[0]?.finish(result);
    await storage.clock.advance(second);
    expect(outcomes(replica)).toEqual(["build-uid-1 done"]);

    replica.handle.loseAnswer(/exchange/);
    const another = replica.queue.add(buildJob(2));
    await storage.clock.advance(20 * second);
    expect(await another).toBe("added");
    expect(ids(replica)).toEqual(["build-uid-1", "build-uid-2"]);
    expect(outcomes(replica)).toEqual(["build-uid-1 done"]);
  });

  it("say who they are and what each runs", async () => {
    const [one, other] = [await storage.openReplica({ replica: "bot-1" }), await storage.openReplica({ replica: "bot-2" })];
    one.queue.work(heldHandler().handle);
    await one.queue.add(buildJob(1));
    await storage.settle();
    const since = storage.clock.now();
    expect(await other.queue.replicas()).toEqual([
      { name: "bot-1", isSelf: false, startedAt: since, seenAt: since, running: [{ id: "build-uid-1", since }] },
      { name: "bot-2", isSelf: true, startedAt: since, seenAt: since, running: [] },
    ]);
    await one.queue.close();
    expect((await other.queue.replicas()).map(({ name }) => name)).toEqual(["bot-2"]);
    expect(await other.queue.counts()).toMatchObject({ waiting: 1, running: 0 });
  });

  it("ask the database twice a second at most while there is nothing to do, over all their queues", async () => {
    const { handle, queue } = await storage.openReplica();
    const queues: JobQueue[] = [queue];
    for (const name of ["follow", "notify"] as const)
      queues.push((await storage.openReplica({ database: handle, queue: name })).queue);
    for (const each of queues) each.work(async () => nothing);
    await queue.add(buildJob(1));
    await queue.idle();
    await storage.clock.advance(60 * second);
    const before = handle.statements();
    await storage.clock.advance(300 * second);
    expect(handle.statements() - before).toBeLessThanOrEqual(600);
  });
});
