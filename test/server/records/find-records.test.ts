import { describe, expect, it } from "vitest";
import type { LookedAt, RecordFilter } from "../../../src/queue/job-queue.ts";
import { openPageServer } from "../../support/page-server.ts";
import { job } from "../records.ts";

const many = 3_000;

describe("a search among many jobs", () => {
  it("finds each one once, continues where it stopped, and lets other work run in between", async () => {
    await using server = await openPageServer();
    await Promise.all(Array.from({ length: many }, (_, number) => server.queue.add(job(`shop/web-${number}`))));
    const ask = async (query: string) => {
      const subjects: string[] = [];
      for (let next: string | undefined = ""; next !== undefined; ) {
        const answer = await server.get(`/api/jobs?${query}&limit=400${next && `&before=${encodeURIComponent(next)}`}`);
        const page = (await answer.json()) as { jobs: { subject: string }[]; next?: string };
        subjects.push(...page.jobs.map(({ subject }) => subject));
        next = page.next;
      }
      return subjects;
    };
    expect(new Set(await ask("text=web")).size).toBe(many);
    expect(await ask("text=web")).toHaveLength(many);
    expect((await ask("text=web-29")).length).toBe(111);
    expect(await ask("text=web%20nowhere")).toEqual([]);
    expect(await ask("text=w%20e%20b%20~")).toEqual([]);
  });

  it("looks at a bounded number of records at a time", async () => {
    await using server = await openPageServer();
    await Promise.all(Array.from({ length: 30 }, (_, number) => server.queue.add(job(`shop/web-${number}`))));
    let rest: Pick<RecordFilter, "before" | "beforeTime"> | undefined = {};
    let steps = 0;
    for (; rest; steps += 1) {
      const step: LookedAt = await server.queue.look(100, 7, { text: "nowhere", ...rest });
      expect(step.records).toEqual([]);
      rest = step.rest;
    }
    expect(steps).toBe(5);
  });
});

it("hands out BuildConfigs page by page", async () => {
  await using server = await openPageServer({ track: ["never", "shop/web-7"] });
  await Promise.all(
    Array.from({ length: 1_100 }, (_, number) =>
      server.queue.add({ ...job(`shop/web-${number}`), buildConfig: `shop/web-${number}` }),
    ),
  );
  const names: string[] = [];
  let pages = 0;
  for (let after: string | undefined = ""; after !== undefined; pages += 1) {
    const answer = await server.get(`/api/tracked?after=${encodeURIComponent(after)}`);
    const page = (await answer.json()) as { tracked: { buildConfig: string }[]; next?: string };
    names.push(...page.tracked.map(({ buildConfig }) => buildConfig));
    after = page.next;
  }
  expect(pages).toBe(3);
  expect(new Set(names).size).toBe(1_101);
  expect(names.at(-1)).toBe("never");
});

it("takes no limit of zero", async () => {
  await using server = await openPageServer();
  expect((await server.get("/api/jobs?limit=0")).status).toBe(400);
});
