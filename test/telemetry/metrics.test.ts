import { describe, expect, it, onTestFinished, vi } from "vitest";
import { metricTable } from "../../src/telemetry/metric-table.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const definitions = Object.values(metricTable);

describe("the table of metrics", () => {
  it("keeps the counters of the Python build-watcher under their names", () => {
    expect(definitions.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "build_watcher_image_submission_total",
        "build_watcher_image_pushed_registry_total",
        "build_watcher_build_log_submission_total",
        "build_watcher_builds_failed_total",
      ]),
    );
  });

  it("names each metric once, with its unit and its help", () => {
    const names = definitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, help } of definitions) {
      expect(name).toMatch(/^build_watcher_[a-z_]+$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      if (type === "histogram") expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  });

  it("has no label whose values are without bound", () => {
    const unbounded = /build$|image|digest|id$|url|name|path|error|message|namespace/;
    // There are as many namespaces with findings as are watched.
    const others = definitions.filter(({ name }) => name !== "build_watcher_findings");
    const labels = others.flatMap((definition) => [...definition.labels] as string[]);
    expect(labels.filter((label) => unbounded.test(label))).toEqual([]);
  });
});

describe("the metrics", () => {
  it("are printed in Prometheus' text format", async () => {
    const metrics = createMetrics({ ofProcess: false });
    metrics.count("jobsEnqueued", { kind: "submit", analyzer: "thoth", result: "new" }, 2);
    metrics.count("jobsEnqueued", { kind: "submit", analyzer: "thoth", result: "new" });
    metrics.observe("jobDuration", { kind: "submit", analyzer: "thoth", outcome: "done" }, 3);
    metrics.observe("jobDuration", { kind: "submit", analyzer: "thoth", outcome: "done" }, -5);
    const text = await metrics.text();
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain("# TYPE build_watcher_jobs_enqueued_total counter");
    expect(text).toContain('build_watcher_jobs_enqueued_total{kind="submit",analyzer="thoth",result="new"} 3');
    expect(text).toContain('build_watcher_job_duration_seconds_bucket{le="0.1",kind="submit",analyzer="thoth",outcome="done"} 1');
    expect(text).toContain('build_watcher_job_duration_seconds_sum{kind="submit",analyzer="thoth",outcome="done"} 3');
  });

  it("have every metric that was declared, before anything was measured", async () => {
    const text = await createMetrics({ ofProcess: false }).text();
    for (const { name, type } of definitions) expect(text).toContain(`# TYPE ${name} ${type}`);
    expect(text).toContain("build_watcher_image_submission_total 0");
  });

  it("of the process are those of every bot in it, and beside its own", async () => {
    for (const metrics of [createMetrics({ ofProcess: true }), createMetrics({ ofProcess: true })]) {
      metrics.count("jobsEnqueued", { kind: "submit", analyzer: "thoth", result: "new" });
      const text = await metrics.text();
      expect(text).toContain('build_watcher_jobs_enqueued_total{kind="submit",analyzer="thoth",result="new"} 1');
      for (const name of ["process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds", "nodejs_heap_size_used_bytes"])
        expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
    }
  });

  it("read gauges at every scrape, from all their sources", async () => {
    const metrics = createMetrics({ ofProcess: false });
    let waiting = 1;
    metrics.gauge("jobs", () => [
      { labels: { kind: "submit", analyzer: "thoth", state: "waiting", outcome: "waiting" }, value: waiting },
    ]);
    metrics.gauge("jobs", () => [
      { labels: { kind: "follow", analyzer: "thoth", state: "running", outcome: "running" }, value: 7 },
    ]);
    expect(await metrics.text()).toContain(
      'build_watcher_jobs{kind="submit",analyzer="thoth",state="waiting",outcome="waiting"} 1',
    );
    waiting = 5;
    const text = await metrics.text();
    expect(text).toContain('build_watcher_jobs{kind="submit",analyzer="thoth",state="waiting",outcome="waiting"} 5');
    expect(text).toContain('build_watcher_jobs{kind="follow",analyzer="thoth",state="running",outcome="running"} 7');
  });

  it("leave out a gauge that cannot be read, and tell the rest", async () => {
    const metrics = createMetrics({ ofProcess: false });
    metrics.gauge("jobs", () => {
      throw new Error("the ledger is closed");
    });
    metrics.gauge("info", () => [{ labels: { version: "1.2.3" }, value: 1 }]);
    const text = await metrics.text();
    expect(text).toContain('build_watcher_info{version="1.2.3"} 1');
    expect(text).not.toMatch(/^build_watcher_jobs\{/m);
  });

  it("leave out a gauge that takes too long, as one of a database that does not answer", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const metrics = createMetrics({ ofProcess: false });
    metrics.gauge("jobs", () => Promise.withResolvers<never>().promise);
    metrics.gauge("databaseUp", () => [{ labels: { database: "db:5432/bot" }, value: 0 }]);
    const text = metrics.text();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await text).toMatch(/^build_watcher_database_up\{database="db:5432\/bot"\} 0$/m);
    expect(await text).not.toMatch(/^build_watcher_jobs\{/m);
  });

  it("include those of the process if asked for", async () => {
    expect(await createMetrics({ ofProcess: true }).text()).toContain("nodejs_eventloop_lag_seconds");
    expect(await createMetrics({ ofProcess: false }).text()).not.toContain("nodejs_");
  });
});
