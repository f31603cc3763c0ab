import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseArguments } from "../../src/cli/program.ts";
import { metricTable } from "../../src/telemetry/metric-table.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { requirePrograms, runProgram } from "../support/programs.ts";
import { type KubernetesObject, processTemplate } from "../support/templates.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const runbooks = "https://git.example.com/bots/docs/operate.md";
const [, prometheusRule, dashboardMap] = processTemplate("monitoring.yaml", { RUNBOOKS: runbooks }) as readonly [
  KubernetesObject,
  KubernetesObject & { readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } },
  KubernetesObject & { readonly data: Readonly<Record<string, string>> },
];
const rules = prometheusRule.spec.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(dashboardMap.data["build-watcher.json"] ?? "") as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
};
const operating = readFileSync(new URL("../../docs/operate.md", import.meta.url), "utf8");
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** The labels of every series there is, by its name. */
const series = new Map<string, readonly string[]>(
  Object.values(metricTable).flatMap((metric): [string, readonly string[]][] => {
    if (metric.type !== "histogram") return [[metric.name, metric.labels]];
    return [
      [`${metric.name}_bucket`, [...metric.labels, "le"]],
      [`${metric.name}_sum`, metric.labels],
      [`${metric.name}_count`, metric.labels],
    ];
  }),
);

/** Prometheus adds where a series was read from. */
const ofTheScrape = ["namespace", "pod", "instance"];

/** Series with their matchers, as an expression names them. */
function selectors(expression: string): { name: string; matchers: string[] }[] {
  return [...expression.matchAll(/\b(build_watcher_\w+)(?:\{([^}]*)\})?/g)].map(([, name = "", matchers = ""]) => ({
    name,
    matchers: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
  }));
}

describe("every expression of alerts and dashboard", () => {
  it.each(expressions)("%s: %s names metrics and labels that exist", (_, expression) => {
    const named = selectors(expression);
    expect(named.length).toBeGreaterThan(0);
    for (const { name, matchers } of named) {
      const labels = series.get(name);
      expect(labels, name).toBeDefined();
      expect(labels).toEqual(expect.arrayContaining(matchers.filter((label) => !ofTheScrape.includes(label))));
    }
    // Every analyzer counts, whichever the bot has.
    expect(expression).not.toMatch(/\b(?:adapter|analyzer)="/);
    const grouped = [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/\s*,\s*/));
    const known = named.flatMap(({ name }) => series.get(name) ?? []);
    expect([...known, ...ofTheScrape]).toEqual(expect.arrayContaining(grouped));
  });

  it.each(expressions)("%s: %s is balanced, and takes rates of counters alone", (_, expression) => {
    for (const [open, close] of ["()", "{}", "[]"]) {
      expect(expression.split(open ?? "").length, expression).toBe(expression.split(close ?? "").length);
    }
    for (const [, name = ""] of expression.matchAll(/(?:rate|increase)\((\w+)/g)) {
      expect(name).toMatch(/_total$|_bucket$|_sum$|_count$/);
    }
  });
});

describe("the alerts", () => {
  it("cover the oldest waiting job, failures, a silent watch and an endpoint that is down", () => {
    const names = rules.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "BuildWatcherJobsWaiting",
        "BuildWatcherJobsFailing",
        "BuildWatcherWatchSilent",
        "BuildWatcherEndpointDown",
      ]),
    );
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))("%s says what it means and what to do", (_, rule) => {
    expect(rule.labels.severity).toMatch(/^(warning|critical)$/);
    expect(rule.for).toMatch(/^\d+[smh]$/);
    expect(rule.annotations.summary).toMatch(/\.$/);
    expect(rule.annotations.description.length).toBeGreaterThan(40);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))("%s leads to its place in the guide for operators", (alert, rule) => {
    const [page = "", anchor = ""] = rule.annotations.runbook_url.split("#");
    expect(page).toMatch(/^https:.*\/docs\/operate\.md$/);
    expect(anchor).toBe(alert.toLowerCase());
    const row = operating.split("\n").find((line) => line.startsWith(`| \`${alert}\` |`));
    expect(row).toContain(`<a id="${anchor}"></a>`);
  });

  it("name commands that run unchanged, in the bot's namespace", () => {
    const [, here] = processTemplate("monitoring.yaml", { RUNBOOKS: runbooks, NAMESPACE: "bots" }) as unknown as readonly [
      never,
      typeof prometheusRule,
    ];
    const texts = here.spec.groups.flatMap((group) => group.rules.map(({ annotations }) => annotations.description));
    const commands = texts.flatMap((text) => text.match(/\boc (?:exec|get|logs|debug) [^;]*?(?=[;.]|: |$)/g) ?? []);
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      expect(command).toContain(" -n bots");
      const [, words] = / -- build-watcher (.*)$/.exec(command) ?? [];
      if (words) expect(parseArguments(words.split(" "), { version: "" }).command, command).not.toBe("print");
    }
    for (const text of texts)
      expect(text.replaceAll(/-- build-watcher|deployment\/build-watcher/g, "")).not.toContain("build-watcher ");
  });

  it("take their thresholds from parameters", () => {
    const [, rule] = processTemplate("monitoring.yaml", {
      RUNBOOKS: runbooks,
      OLDEST_JOB_SECONDS: "77",
      FAILED_JOBS_PER_HOUR: "33",
    });
    expect(JSON.stringify(rule)).toContain('kind=\\"submit\\"}) > 77');
    expect(JSON.stringify(rule)).toContain("> 33");
  });

  it("match on values that the bot gives", async () => {
    const metrics = createMetrics({ ofProcess: false });
    metrics.count("jobAttempts", { kind: "submit", analyzer: "thoth", outcome: "retrying", reason: "AnalyzerUnavailable" });
    const text = await metrics.text();
    for (const { expr } of rules) {
      const [reason] = /reason="\w+"/.exec(expr) ?? [];
      if (reason) expect(text).toContain(reason);
      for (const [, kind] of expr.matchAll(/kind="(\w+)"/g)) expect(["submit", "follow", "notify"]).toContain(kind);
    }
  });
});

describe("the dashboard", () => {
  it("is found by Grafana's sidecar, and its panels do not overlap", () => {
    expect(dashboardMap.metadata.labels).toMatchObject({ grafana_dashboard: "1" });
    const covers = ({ x, y, w, h }: Panel["gridPos"], column: number, row: number) =>
      column >= x && column < x + w && row >= y && row < y + h;
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      const upon = dashboard.panels.filter((other) => covers(other.gridPos, gridPos.x, gridPos.y));
      expect(upon.map((panel) => panel.title)).toEqual([title]);
    }
  });

  it("opens with numbers: failed now, the oldest job, up, version", () => {
    const first = dashboard.panels.filter(({ gridPos }) => gridPos.y === 0);
    expect(first.map(({ title, type }) => `${type} ${title}`)).toEqual([
      "stat Failed now",
      "stat Oldest job",
      "stat Up",
      "stat Version",
    ]);
  });

  it("separates bots by namespace and instance, in every series of every panel", () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names).toEqual(["datasource", "namespace", "instance"]);
    for (const { title, targets } of dashboard.panels) {
      for (const { name, matchers } of targets.flatMap(({ expr }) => selectors(expr))) {
        expect(matchers, `${title}: ${name}`).toEqual(expect.arrayContaining(["namespace", "instance"]));
      }
    }
  });

  it("says of every panel what it shows", () => {
    for (const { title, description } of dashboard.panels) expect(description, title).toMatch(/^.{20,}\.$/);
  });
});

requirePrograms("promtool")("promtool", () => {
  it("takes the rules, and fires where a small shop's only job failed, analyses fail, the volume fills, or builds are not seen", () => {
    const directory = mkdtempSync(join(tmpdir(), "build-watcher-rules-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = (name: string) => join(directory, name);
    writeFileSync(path("rules.json"), JSON.stringify(prometheusRule.spec));
    const firing = (names: readonly string[], others: readonly string[]) =>
      [...names, ...others].map((name) => ({
        expr: `count(ALERTS{alertname="${name}",alertstate="firing"})`,
        eval_time: "2h",
        exp_samples: names.includes(name) ? [{ labels: "{}", value: 1 }] : [],
      }));
    const at = 'namespace="bots",pod="build-watcher-1"';
    const claim = 'namespace="bots",persistentvolumeclaim="build-watcher"';
    const test = {
      rule_files: ["rules.json"],
      tests: [
        {
          interval: "1m",
          input_series: [
            { series: `build_watcher_info{${at}}`, values: "1x600" },
            { series: `build_watcher_jobs{${at},kind="submit",state="failed"}`, values: "1x600" },
            { series: `build_watcher_jobs{${at},kind="submit",state="done",outcome="analysis-failed"}`, values: "2x600" },
            { series: `kubelet_volume_stats_available_bytes{${claim}}`, values: "5x600" },
            { series: `kubelet_volume_stats_capacity_bytes{${claim}}`, values: "100x600" },
            { series: 'kube_deployment_status_replicas_available{namespace="bots",deployment="build-watcher"}', values: "0x600" },
          ],
          promql_expr_test: firing(
            ["BuildWatcherJobsFailed", "BuildWatcherAnalysesFailing", "BuildWatcherVolumeFilling", "BuildWatcherNotReady"],
            ["BuildWatcherGone", "BuildWatcherWatchSilent"],
          ),
        },
        {
          name: "one namespace of many cannot be read",
          interval: "1m",
          input_series: [
            { series: `build_watcher_info{${at}}`, values: "1x600" },
            { series: `build_watcher_watch_newest_event_timestamp_seconds{${at}}`, values: "0+60x600" },
            { series: `build_watcher_watch_trouble_timestamp_seconds{${at},source="builds",watched="bank"}`, values: "0x600" },
          ],
          promql_expr_test: [
            ...firing(["BuildWatcherNamespaceSilent"], ["BuildWatcherWatchSilent"]),
            {
              expr: 'count by (watched) (ALERTS{alertname="BuildWatcherNamespaceSilent"})',
              eval_time: "2h",
              exp_samples: [{ labels: '{watched="bank"}', value: 1 }],
            },
          ],
        },
        {
          name: "no namespace can be read",
          interval: "1m",
          input_series: [
            { series: `build_watcher_info{${at}}`, values: "1x600" },
            { series: `build_watcher_watch_newest_event_timestamp_seconds{${at}}`, values: "0x600" },
            { series: `build_watcher_watch_trouble_timestamp_seconds{${at},source="builds",watched="bank"}`, values: "0x600" },
          ],
          promql_expr_test: firing(["BuildWatcherWatchSilent"], ["BuildWatcherNamespaceSilent"]),
        },
        {
          name: "three replicas say the same of one failed job, one of them is lost, and the database is down",
          interval: "1m",
          input_series: [
            ...["a", "b"].flatMap((pod) => [
              { series: `build_watcher_info{namespace="bots",pod="${pod}"}`, values: "1x600" },
              { series: `build_watcher_jobs{namespace="bots",pod="${pod}",kind="submit",state="failed"}`, values: "1x600" },
              { series: `build_watcher_jobs{namespace="bots",pod="${pod}",kind="notify",state="waiting"}`, values: "1x600" },
              { series: `build_watcher_oldest_due_age_seconds{namespace="bots",pod="${pod}",kind="submit"}`, values: "9000x600" },
              {
                series: `build_watcher_jobs_finished_total{namespace="bots",pod="${pod}",kind="submit",outcome="failed"}`,
                values: "0+0.06x600",
              },
            ]),
            { series: 'build_watcher_watch_newest_event_timestamp_seconds{namespace="bots",pod="a"}', values: "0x600" },
            { series: 'build_watcher_watch_newest_event_timestamp_seconds{namespace="bots",pod="b"}', values: "0+60x600" },
            { series: 'build_watcher_database_up{namespace="bots",pod="a",database="db:5432/bot"}', values: "1x600" },
            { series: 'build_watcher_database_up{namespace="bots",pod="b",database="db:5432/bot"}', values: "0x600" },
            { series: 'kube_deployment_status_replicas_available{namespace="bots",deployment="build-watcher"}', values: "2x600" },
            { series: 'kube_deployment_spec_replicas{namespace="bots",deployment="build-watcher"}', values: "3x600" },
          ],
          promql_expr_test: [
            ...firing(
              [
                "BuildWatcherJobsFailed",
                "BuildWatcherJobsWaiting",
                "BuildWatcherJobsFailing",
                "BuildWatcherNotificationsWaiting",
                "BuildWatcherReplicasMissing",
                "BuildWatcherDatabaseDown",
              ],
              ["BuildWatcherNotReady", "BuildWatcherWatchSilent"],
            ),
            {
              expr: 'sum(max without (instance, pod) (build_watcher_jobs{kind="submit",state="failed"}))',
              eval_time: "2h",
              exp_samples: [{ labels: "{}", value: 1 }],
            },
          ],
        },
        {
          name: "all replicas are there, and so is the database",
          interval: "1m",
          input_series: [
            { series: `build_watcher_info{${at}}`, values: "1x600" },
            { series: `build_watcher_database_up{${at},database="db:5432/bot"}`, values: "1x600" },
            { series: 'kube_deployment_status_replicas_available{namespace="bots",deployment="build-watcher"}', values: "3x600" },
            { series: 'kube_deployment_spec_replicas{namespace="bots",deployment="build-watcher"}', values: "3x600" },
          ],
          promql_expr_test: firing([], ["BuildWatcherReplicasMissing", "BuildWatcherDatabaseDown", "BuildWatcherNotReady"]),
        },
        {
          name: "no bot runs",
          interval: "1m",
          input_series: [],
          promql_expr_test: firing(["BuildWatcherGone"], ["BuildWatcherWatchSilent"]),
        },
      ],
    };
    writeFileSync(path("test.json"), JSON.stringify(test));
    expect(runProgram("promtool", ["check", "rules", path("rules.json")])).toContain("SUCCESS");
    const all = expressions.map(([, expr], index) => ({ record: `an:expression${index}`, expr }));
    writeFileSync(path("expressions.json"), JSON.stringify({ groups: [{ name: "all", rules: all }] }));
    expect(runProgram("promtool", ["check", "rules", path("expressions.json")])).toContain("SUCCESS");
    expect(runProgram("promtool", ["test", "rules", path("test.json")])).toContain("SUCCESS");
  });
});
