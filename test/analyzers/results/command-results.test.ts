import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readResult } from "../../../src/analyzers/results/command-results.ts";

const none = { critical: 0, high: 0, medium: 0, low: 0, unknown: 0 };

describe("readResult", () => {
  it.each([
    [
      "grype",
      {
        descriptor: { name: "grype" },
        matches: [
          { vulnerability: { id: "CVE-1", severity: "Critical", fix: { state: "fixed" } } },
          { vulnerability: { id: "CVE-2", severity: "Negligible", fix: { state: "wont-fix" } } },
        ],
      },
      { coverage: "complete", severities: { ...none, critical: 1, low: 1 }, fixable: 1 },
    ],
    [
      "SARIF",
      {
        version: "2.1.0",
        runs: [
          {
            tool: { driver: { rules: [{ id: "CVE-1", properties: { "security-severity": "9.8" } }, { id: "CVE-2" }] } },
            results: [{ ruleId: "CVE-1", level: "error" }, { ruleId: "CVE-2", level: "note" }, { ruleId: "CVE-3" }],
          },
        ],
      },
      { coverage: "complete", severities: { ...none, critical: 1, medium: 1, low: 1 }, fixable: 0 },
    ],
    [
      "CycloneDX with vulnerabilities",
      {
        bomFormat: "CycloneDX",
        components: [{ type: "library" }, { type: "operating-system" }],
        vulnerabilities: [{ id: "CVE-1", ratings: [{ severity: "high" }] }],
      },
      { coverage: "complete", severities: { ...none, high: 1 }, fixable: 0, packages: 1 },
    ],
    ["a bill of materials", { bomFormat: "CycloneDX", components: [{ type: "library" }] }, { coverage: "complete", packages: 1 }],
    ["an empty one", { bomFormat: "CycloneDX" }, { coverage: "unknown", why: expect.any(String) }],
    [
      "roxctl",
      {
        result: {
          summary: { CRITICAL: 1, IMPORTANT: 2, MODERATE: 3, LOW: 4, "TOTAL-COMPONENTS": 9, "TOTAL-VULNERABILITIES": 12 },
        },
      },
      { coverage: "complete", packages: 9, severities: { critical: 1, high: 2, medium: 3, low: 4, unknown: 2 } },
    ],
    [
      "snyk",
      {
        ok: false,
        dependencyCount: 30,
        vulnerabilities: [
          { id: "SNYK-1", severity: "high", nearestFixedInVersion: "2" },
          { id: "SNYK-1", severity: "high" },
        ],
      },
      { coverage: "complete", severities: { ...none, high: 1 }, fixable: 1, packages: 30 },
    ],
    [
      "trivy of an image that it knows nothing of",
      { SchemaVersion: 2, ArtifactName: "x" },
      { coverage: "unknown", why: expect.any(String) },
    ],
  ])("reads %s", async (_, document, findings) => {
    expect(await readResult(JSON.stringify(document))).toEqual(findings);
  });

  it.each(["", "All is well", "[]", "null", "{}", '{"matches": 5}'])("does not read %j", async (text) => {
    expect(await readResult(text)).toBeUndefined();
  });

  it("takes any JSON for what it is, without failing", async () => {
    const keys = [
      "SchemaVersion",
      "ArtifactName",
      "Results",
      "matches",
      "descriptor",
      "runs",
      "version",
      "bomFormat",
      "result",
      "ok",
      "vulnerabilities",
    ];
    const documents = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 });
    await fc.assert(fc.asyncProperty(documents, async (document) => void (await readResult(JSON.stringify(document)))));
  });
});
