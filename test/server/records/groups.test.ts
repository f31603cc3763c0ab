import { describe, expect, it } from "vitest";
import type { JobRecord } from "../../../src/queue/job-queue.ts";
import { gatherGroups } from "../../../src/server/records/groups.ts";
import { toText } from "../../../src/server/views/html.ts";
import { jobRow } from "../../../src/server/views/job-row.ts";
import { job, record } from "../records.ts";

const first = job("shop/web-1");
const thoth = record({ job: first, updatedAt: 9_000 });
const rhacs = record({
  job: { ...first, id: `${first.id}-rhacs`, group: first.id, analyzer: "rhacs" },
  state: "failed",
  error: { reason: "AnalyzerRejected", message: "no" },
  updatedAt: 4_000,
});
const alone = record({ job: job("bank/api-1"), updatedAt: 7_000 });
const all: readonly JobRecord[] = [thoth, rhacs, alone];
const queue = { ofGroups: async (ids: readonly string[]) => all.filter(({ job: one }) => ids.includes(one.group ?? one.id)) };

describe("the jobs of one build", () => {
  it("are one row, in the place of the one that changed last, with failed ones first", async () => {
    const groups = await gatherGroups(queue, [thoth, alone, rhacs], () => true);
    expect(groups.map(({ id, members }) => [id, members.length])).toEqual([
      [first.id, 2],
      [alone.job.id, 1],
    ]);
    expect(groups[0]?.lead).toBe(rhacs);
  });

  it("are not shown again on the next page, but are where only the older one fits the filter", async () => {
    expect(await gatherGroups(queue, [rhacs], () => true)).toEqual([]);
    const failed = await gatherGroups(queue, [rhacs], ({ state }) => state === "failed");
    expect(failed.map(({ id }) => id)).toEqual([first.id]);
  });

  it("show one state an analyzer, each with the way to its own page", async () => {
    const [group] = await gatherGroups(queue, [thoth]);
    const row = group ? toText(jobRow(group, 10_000)) : "";
    expect(row).toContain(`id="row-${first.id}"`);
    for (const { job: one } of [thoth, rhacs]) expect(row).toContain(`href="/jobs/${one.id}"`);
    expect(row).toMatch(/thoth.*done.*rhacs.*failed/s);
  });
});
