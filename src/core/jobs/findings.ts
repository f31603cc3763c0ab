/** Worst first; `unknown` is what an analyzer found but could not rate. */
export const severities = ["critical", "high", "medium", "low", "unknown"] as const;
export type Severity = (typeof severities)[number];
export type SeverityCounts = Readonly<Record<Severity, number>>;

/**
 * What an analyzer found in an image. Plain JSON. `coverage` says how much of the image it could look at: with `partial` the numbers are lower
 * bounds, with `unknown` it could not look, and there are none. A number that is absent was not counted; it is never zero.
 */
export interface Findings {
  readonly coverage: "complete" | "partial" | "unknown";
  /** Why it was not read completely. */
  readonly why?: string;
  /** Vulnerabilities, each counted once. */
  readonly severities?: SeverityCounts;
  /** Vulnerabilities that a newer version fixes. */
  readonly fixable?: number;
  readonly policyViolations?: number;
  readonly packages?: number;
}

export const noVulnerabilities: SeverityCounts = { critical: 0, high: 0, medium: 0, low: 0, unknown: 0 };

const readings: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ["critical", "critical"],
  ["high", "high"],
  ["important", "high"],
  ["error", "high"],
  ["medium", "medium"],
  ["moderate", "medium"],
  ["warning", "medium"],
  ["low", "low"],
  ["negligible", "low"],
  ["minor", "low"],
  ["info", "low"],
  ["note", "low"],
]);

/** A severity by an analyzer's word for it: Red Hat's, CVSS', Trivy's or SARIF's. */
export function severityOf(name: string): Severity {
  return readings.get(name.slice(0, 50).toLowerCase()) ?? "unknown";
}

/** Both answers together. Coverage is the lower of the two. */
export function mergeFindings(earlier: Findings | undefined, later: Findings): Findings {
  if (!earlier || earlier.coverage === "complete" || later.coverage === "unknown") return { ...earlier, ...later };
  return { ...earlier, ...later, coverage: earlier.coverage, ...(earlier.why !== undefined && { why: earlier.why }) };
}

/** How many more vulnerabilities of each severity there are than before, the worst first; empty when it is no worse, or cannot be compared. */
export function newFindings(
  before: Findings | undefined,
  after: Findings | undefined,
): readonly { severity: Severity; more: number }[] {
  const [was, is] = [before?.severities, after?.severities];
  if (!was || !is || before?.coverage !== "complete") return [];
  return severities.map((severity) => ({ severity, more: is[severity] - was[severity] })).filter(({ more }) => more > 0);
}

/** The findings in words: "2 critical, 5 high, 1 policy violation", "no vulnerabilities", "not scanned: …". */
export function describeFindings({ coverage, why, severities: counts, policyViolations, packages }: Findings): string {
  if (coverage === "unknown") return `not scanned${why ? `: ${why}` : ""}`;
  const found = counts
    ? severities.filter((severity) => counts[severity] > 0).map((severity) => `${counts[severity]} ${severity}`)
    : [];
  const parts = [
    ...(counts && found.length === 0 ? ["no vulnerabilities"] : found),
    policyViolations ? `${policyViolations} policy violation${policyViolations === 1 ? "" : "s"}` : "",
    packages === undefined ? "" : `${packages} package${packages === 1 ? "" : "s"}`,
  ].filter(Boolean);
  return `${parts.join(", ") || "nothing counted"}${coverage === "partial" ? ` (partial${why ? `: ${why}` : ""})` : ""}`;
}
