import { failureReasons } from "../src/core/jobs/errors.ts";
import { metricTable } from "../src/telemetry/metric-table.ts";
import { replaceParts } from "./page-parts.ts";

/** `docs/operate.md` with its generated tables. */
export function renderOperatePage(page: string): string {
  return replaceParts("docs/operate.md", page, { failures: failureTable, metrics: metricsTable });
}

function failureTable(): string {
  const rows = Object.entries(failureReasons).map(([reason, { retryable, pauses, remedy }]) => {
    const course = retryable ? (pauses ? "yes, and all jobs wait for it" : "yes") : "no";
    return `| \`${reason}\` | ${course} | ${remedy.replaceAll("|", "\\|")} |`;
  });
  return ["| reason | retried automatically | what to do |", "|---|---|---|", ...rows].join("\n");
}

function metricsTable(): string {
  const rows = Object.values(metricTable).map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${names} | ${help} |`;
  });
  return ["| metric | type | labels | meaning |", "|---|---|---|---|", ...rows].join("\n");
}
