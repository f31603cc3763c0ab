import { failureReasons } from "../src/core/jobs/errors.ts";
import { metricTable } from "../src/telemetry/metric-table.ts";

/** The generated parts of `docs/operate.md`, each between two comments of its name. */
const parts: Readonly<Record<string, () => string>> = { failures: failureTable, metrics: metricsTable };

/** The page with its generated parts written anew; throws when it lacks the place of one. */
export function renderOperatePage(page: string): string {
  return Object.entries(parts).reduce((text, [name, render]) => {
    const place = new RegExp(`(<!-- begin ${name}[^>]*-->\n)[\\s\\S]*?(<!-- end ${name} -->)`);
    if (!place.test(text)) throw new Error(`docs/operate.md has no place for ${name}`);
    return text.replace(place, (_, begin: string, end: string) => `${begin}\n${render()}\n\n${end}`);
  }, page);
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
