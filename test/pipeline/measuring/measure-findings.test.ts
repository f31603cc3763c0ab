import { describe, expect, it } from "vitest";
import { noVulnerabilities } from "../../../src/core/jobs/findings.ts";
import { measureFindings } from "../../../src/pipeline/measuring/measure-findings.ts";
import type { JobRecord } from "../../../src/queue/job-queue.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { fakeClock } from "../../support/fake-clock.ts";

function record(name: string, analyzer: string, critical: number): JobRecord {
  const [namespace = "", config] = name.split("/");
  const build = { namespace, name: `${config}-1`, uid: name };
  return {
    job: { id: `build-${name}-${analyzer}`, group: `build-${name}`, analyzer, cause: "build", build, buildConfig: name },
    state: "done",
    attempts: 1,
    createdAt: 0,
    updatedAt: 0,
    result: { analyses: [], notes: [], findings: { coverage: "complete", severities: { ...noVulnerabilities, critical } } },
  };
}

describe("the findings of the newest builds", () => {
  it("are summed by analyzer, over as many BuildConfigs as there are", async () => {
    const names = Array.from(
      { length: 450 },
      (_, index) => `${index % 2 ? "shop" : "bank"}/app-${String(index).padStart(3, "0")}`,
    ).toSorted();
    const queue = {
      lastOfBuildConfigs: async (limit = 0, after = "") =>
        names
          .filter((name) => name > after)
          .slice(0, limit)
          .map((name) => record(name, "rhacs", 1)),
      recent: async () => [],
      ofGroups: async (groups: readonly string[]) =>
        groups.flatMap((group) =>
          ["rhacs", "trustify"].map((analyzer) => record(group.slice("build-".length), analyzer, analyzer === "rhacs" ? 2 : 1)),
        ),
    };
    const metrics = createMetrics({ ofProcess: false });
    const stop = new AbortController();
    const measuring = measureFindings({ queue, metrics, clock: fakeClock() }, stop.signal);
    await expect.poll(() => metrics.text()).toContain('build_watcher_findings{analyzer="rhacs",severity="critical"} 900');
    expect(await metrics.text()).toContain('build_watcher_findings{analyzer="trustify",severity="critical"} 450');
    stop.abort();
    await measuring.catch(() => undefined);
  });
});
