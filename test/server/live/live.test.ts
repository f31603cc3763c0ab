import { describe, expect, it } from "vitest";
import type { JobRecord } from "../../../src/queue/job-queue.ts";
import { createActivity } from "../../../src/server/activity.ts";
import { createLive, type EventSink } from "../../../src/server/live/live.ts";
import { readStatus } from "../../../src/server/status.ts";
import { fakeClock, settle } from "../../support/fake-clock.ts";
import { job, record } from "../records.ts";

const everything = { kind: "list", filter: {} } as const;

function sink(writableLength = 0) {
  const written: string[] = [];
  const made = {
    written,
    writableLength,
    isDropped: false,
    isEnded: false,
    write: (text: string) => written.push(text),
    end: () => (made.isEnded = true),
    destroy: () => (made.isDropped = true),
  };
  return made satisfies EventSink;
}

function live() {
  const clock = fakeClock();
  const activity = createActivity(clock);
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, dismissed: 0 };
  const records: JobRecord[] = [];
  const status = () =>
    readStatus({
      queue: {
        counts: async () => ({ ...counts }),
        oldestWaiting: async () => undefined,
        failures: async () => [],
        tally: async () => [],
        count: async () => 0,
        recent: async () => [],
        replicas: async () => [],
      },
      clock,
      activity,
      health: { readiness: () => ({ ok: true }) },
      namespaces: ["shop"],
      track: [],
      version: "",
      pushRegistry: undefined,
      builds: { read: () => ({ running: [], failed: [] }) },
      console: () => undefined,
      addresses: {},
    });
  const pages = createLive({
    queue: {
      recent: async (limit) => records.slice(0, limit),
      ofGroups: async (groups) => records.filter(({ job: one }) => groups.includes(one.id)),
    },
    status,
    clock,
  });
  const change = (subject: string) => records.unshift(record({ job: job(subject), updatedAt: clock.now() }));
  return { clock, pages, change };
}

describe("streams", () => {
  it("show life every 15 seconds when nothing happens, and are silent else", async () => {
    const { clock, pages } = live();
    const page = sink();
    pages.connect(page, everything, undefined);
    await clock.advance(60_000);
    expect(page.written.filter((text) => text.includes(": still here\n\n"))).toHaveLength(4);
    expect(page.written.length).toBeLessThan(10);
  });

  it("tell the browser how soon to come back", async () => {
    const { pages } = live();
    const page = sink();
    pages.connect(page, everything, undefined);
    await settle();
    expect(page.written[0]).toMatch(/^retry: 2000\n\n/);
  });

  it("tell all pages of a kind the very same", async () => {
    const { clock, pages, change } = live();
    const [one, two] = [sink(), sink()];
    pages.connect(one, everything, undefined);
    pages.connect(two, everything, undefined);
    await clock.advance(1_000);
    change("shop/web-1");
    await clock.advance(1_000);
    expect(one.written.at(-1)).toContain("web-1");
    expect(one.written.at(-1)).toBe(two.written.at(-1));
  });

  it("are dropped when the other side does not read", async () => {
    const { clock, pages, change } = live();
    const [slow, quick] = [sink(), sink()];
    pages.connect(slow, everything, undefined);
    pages.connect(quick, everything, undefined);
    await clock.advance(1_000);
    slow.writableLength = 256 * 1024 + 1;
    change("shop/web-1");
    await clock.advance(1_000);
    expect([slow.isDropped, quick.isDropped]).toEqual([true, false]);
    const told = slow.written.length;
    change("shop/web-2");
    await clock.advance(1_000);
    expect(slow.written).toHaveLength(told);
    expect(quick.written.at(-1)).toContain("web-2");
  });

  it("are limited in number", () => {
    const { pages } = live();
    const leave = Array.from({ length: 500 }, () => pages.connect(sink(), everything, undefined));
    expect(pages.connect(sink(), everything, undefined)).toBe(false);
    const [first] = leave;
    if (first) first();
    expect(pages.connect(sink(), everything, undefined)).not.toBe(false);
  });

  it("leave no timer behind when the last page is gone, or the bot stops", async () => {
    const { clock, pages } = live();
    const leave = pages.connect(sink(), everything, undefined);
    if (leave) leave();
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
    const page = sink();
    pages.connect(page, everything, undefined);
    pages.close();
    expect(page.isEnded).toBe(true);
    expect(clock.pending()).toBe(0);
  });
});
