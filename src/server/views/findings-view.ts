import { describeFindings, type Findings, severities } from "../../core/jobs/findings.ts";
import { type Html, html } from "./html.ts";
import { counted, outside } from "./words.ts";

/** What an analyzer found, in short: the worst two severities, or that it could not look. */
export function findingsBadge(findings: Findings | undefined): Html | undefined {
  if (!findings) return undefined;
  const words = describeFindings(findings);
  return html`<span class="findings ${toneOf(findings)}" title="${words.slice(0, 300)}">${briefly(findings)}</span>`;
}

/** The same in full. */
export function findingsView(findings: Findings): Html {
  const { fixable } = findings;
  return html`<span class="findings ${toneOf(findings)}">${outside(describeFindings(findings), 500)}</span>${fixable !== undefined && fixable > 0 && html` <span class="faint">${fixable} can be fixed</span>`}`;
}

/** `unknown` is never shown in the colour of a clean image. */
function toneOf({ coverage, severities: counts, policyViolations = 0 }: Findings): string {
  if (coverage === "unknown") return "unknown";
  const worst = counts && severities.find((severity) => counts[severity] > 0);
  if (worst !== undefined) return worst;
  if (policyViolations > 0) return "high";
  return coverage === "partial" || !counts ? "unknown" : "clean";
}

const mostShown = 2;

function briefly({ coverage, severities: counts, policyViolations, packages }: Findings): string {
  if (coverage === "unknown") return "not scanned";
  const found = counts
    ? severities.filter((severity) => counts[severity] > 0).map((severity) => `${counts[severity]} ${severity}`)
    : [];
  const violations = policyViolations ? [`${policyViolations} policy`] : [];
  const rest = counts ? ["no vulnerabilities"] : packages === undefined ? ["found something"] : [counted(packages, "package")];
  const shown = [...found.slice(0, mostShown), ...violations];
  return `${(shown.length > 0 ? shown : rest).join(", ")}${coverage === "partial" ? " (partial)" : ""}`;
}
