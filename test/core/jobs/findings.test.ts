import { describe, expect, it } from "vitest";
import { describeFindings, type Findings, newFindings, noVulnerabilities, severityOf } from "../../../src/core/jobs/findings.ts";

const clean: Findings = { coverage: "complete", severities: noVulnerabilities };

describe("a severity", () => {
  it("is read in the words of all analyzers", () => {
    const names = ["CRITICAL", "Important", "high", "moderate", "MEDIUM", "Negligible", "note", "warning", "", "odd"];
    const [critical, ...others] = names.map(severityOf);
    expect(critical).toBe("critical");
    expect(others).toEqual(["high", "high", "medium", "medium", "low", "low", "medium", "unknown", "unknown"]);
  });
});

describe("describeFindings", () => {
  it.each<readonly [string, Findings]>([
    ["no vulnerabilities", clean],
    ["2 critical, 1 unknown", { ...clean, severities: { ...noVulnerabilities, critical: 2, unknown: 1 } }],
    ["no vulnerabilities, 1 policy violation, 7 packages", { ...clean, policyViolations: 1, packages: 7 }],
    ["1 package", { coverage: "complete", packages: 1 }],
    ["3 high (partial: the operating system is not known)", partial()],
    ["not scanned: no package database", { coverage: "unknown", why: "no package database" }],
    ["not scanned", { coverage: "unknown" }],
  ])("says %j", (words, findings) => {
    expect(describeFindings(findings)).toBe(words);
  });

  function partial(): Findings {
    return { coverage: "partial", why: "the operating system is not known", severities: { ...noVulnerabilities, high: 3 } };
  }
});

describe("newFindings", () => {
  const worse: Findings = { coverage: "complete", severities: { ...noVulnerabilities, critical: 3, low: 1 } };

  it("tells what is worse, the worst first", () => {
    expect(newFindings(clean, worse)).toEqual([
      { severity: "critical", more: 3 },
      { severity: "low", more: 1 },
    ]);
  });

  it("is silent where it got better, or where there is nothing to compare with", () => {
    expect(newFindings(worse, clean)).toEqual([]);
    expect(newFindings(undefined, worse)).toEqual([]);
    expect(newFindings({ coverage: "unknown" }, worse)).toEqual([]);
    expect(newFindings({ ...clean, coverage: "partial" }, worse)).toEqual([]);
    expect(newFindings(clean, { coverage: "unknown" })).toEqual([]);
  });
});
