import { describe, expect, it } from "vitest";
import { type Findings, noVulnerabilities } from "../../../src/core/jobs/findings.ts";
import { describeWorsening, worseThanBefore } from "../../../src/pipeline/analyses/worse-findings.ts";
import { eventOfFindings } from "../../../src/pipeline/telling/job-events.ts";
import type { JobRecord, RecordFilter } from "../../../src/queue/job-queue.ts";

function record(number: number, severities: Partial<typeof noVulnerabilities> | undefined, analyzer = "rhacs"): JobRecord {
  const found: Findings | undefined = severities && { coverage: "complete", severities: { ...noVulnerabilities, ...severities } };
  const completedAt = new Date(Date.UTC(2026, 10, 27, 10, number)).toISOString();
  const build = { namespace: "shop", name: `app-${number}`, uid: `uid-${number}` };
  return {
    job: { id: `build-uid-${number}`, analyzer, cause: "build", build, buildConfig: "shop/app", completedAt },
    state: "done",
    attempts: 1,
    createdAt: number,
    updatedAt: number,
    result: { analyses: [], notes: [], ...(found && { findings: found }) },
  };
}

/** A ledger that holds these records, the last changed first. */
function ledger(records: readonly JobRecord[]) {
  return {
    recent: async (limit: number, { buildConfig, analyzer }: RecordFilter = {}) =>
      records.filter(({ job }) => job.buildConfig === buildConfig && job.analyzer === analyzer).slice(0, limit),
  };
}

describe("findings that are worse than those of the build before", () => {
  const before = record(1, { high: 1 });
  const after = record(2, { critical: 3, high: 2 });

  it("are reported with how much worse they are, and since which build", async () => {
    const worse = await worseThanBefore(after, ledger([after, before]));
    expect(worse && describeWorsening(worse)).toBe("3 new critical, 1 new high since app-1");
    expect(await eventOfFindings(after, ledger([after, before]))).toMatchObject({
      type: "io.build_watcher.findings.worse.v1",
      data: {
        summary: "3 new critical, 1 new high since app-1",
        job: { analyzer: "rhacs" },
        more: { critical: 3, high: 1 },
        before: { build: { name: "app-1" }, findings: { severities: { high: 1 } } },
      },
    });
  });

  it("have the same id whenever they are reported", async () => {
    const told = async () => (await eventOfFindings(after, ledger([after, before])))?.id;
    expect(await told()).toBe(await told());
  });

  it.each([
    ["it is better", record(2, {}), [before]],
    ["it is the first", after, []],
    ["it is older than the other, however late it was analyzed", record(0, { critical: 9 }), [before]],
    ["the other was looked at by another analyzer", after, [record(1, {}, "trustify")]],
    ["nobody knows what the other held", after, [record(1, undefined)]],
    ["nothing was counted", record(2, undefined), [before]],
  ])("are not told when %s", async (_, newest, others) => {
    expect(await worseThanBefore(newest, ledger([newest, ...others]))).toBeUndefined();
  });

  it("are compared with the last build that was scanned", async () => {
    const between = record(2, undefined);
    const newest = record(3, { high: 2 });
    const worse = await worseThanBefore(newest, ledger([newest, record(0, {}), between, before]));
    expect(worse?.before.job.build?.name).toBe("app-1");
  });
});
