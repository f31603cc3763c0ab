import { describe, expect, it } from "vitest";
import type { Ecosystem } from "../../../src/inventory/inventory.ts";
import { compareVersions } from "../../../src/inventory/versions/compare.ts";
import { parseRange } from "../../../src/inventory/versions/range.ts";

/** Versions in their order, each once. */
const orders: Readonly<Record<string, { ecosystem: Ecosystem; ordered: readonly string[] }>> = {
  "npm's": {
    ecosystem: "npm",
    ordered: [
      "0.9.0",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.1",
      "1.10.0",
    ],
  },
  "Go's": {
    ecosystem: "golang",
    ordered: ["v0.0.0-20200101000000-abc", "v0.0.0-20210101000000-abc", "v0.1.0", "v1.0.0-rc1", "v1.0.0", "v2.0.0+incompatible"],
  },
  "Python's": {
    ecosystem: "pypi",
    ordered: [
      "1.0.dev1",
      "1.0a1",
      "1.0a2.dev1",
      "1.0a2",
      "1.0b1",
      "1.0rc1",
      "1.0",
      "1.0+local.1",
      "1.0.post1",
      "1.0.1",
      "1.1.dev1",
      "1.1",
      "1!0.1",
    ],
  },
  "Maven's": {
    ecosystem: "maven",
    ordered: [
      "1-alpha-1",
      "1-beta",
      "1-m2",
      "1-rc1",
      "1-SNAPSHOT",
      "1",
      "1-sp",
      "1-jre",
      "1-1",
      "1.1",
      "1.2-alpha",
      "1.2",
      "1.10",
      "2.14.1",
    ],
  },
  "apk's": {
    ecosystem: "apk",
    ordered: [
      "1.2.3_alpha1",
      "1.2.3_rc1-r0",
      "1.2.3-r0",
      "1.2.3-r1",
      "1.2.3-r10",
      "1.2.3_p1-r0",
      "1.2.3a-r0",
      "1.2.4-r0",
      "1.10-r0",
    ],
  },
};

describe("an order of versions", () => {
  for (const [name, { ecosystem, ordered }] of Object.entries(orders)) {
    it(`${name} is kept`, () => {
      for (const [at, one] of ordered.entries()) {
        for (const [other, two] of ordered.entries()) {
          expect([one, two, Math.sign(compareVersions[ecosystem](one, two))]).toEqual([one, two, Math.sign(at - other)]);
        }
      }
    });
  }

  it("takes what is written differently for the same", () => {
    expect(compareVersions.maven("1.0", "1")).toBe(0);
    expect(compareVersions.maven("1.ga", "1.0.0-final")).toBe(0);
    expect(compareVersions.pypi("1.0.0", "1.0")).toBe(0);
    expect(compareVersions.golang("v1.0.0", "1.0.0")).toBe(0);
  });
});

describe("a range", () => {
  const within = (range: string, ecosystem: Ecosystem, version: string) => parseRange(range)?.(ecosystem, version);

  it("without an operator means the version and all that begin with it", () => {
    const versions = ["2.14.0", "2.14.1", "2.14", "2.1", "2.140"];
    expect(versions.map((version) => within("2.14", "maven", version))).toEqual([true, true, true, false, false]);
    expect(within("=2.14", "maven", "2.14.1")).toBe(false);
    expect(within("3.0.7", "rpm", "1:3.0.7-27.el9")).toBe(true);
    expect(within("3.0.7-27.el9", "rpm", "1:3.0.7-27.el9")).toBe(true);
    expect(within("1.22", "golang", "v1.22.1")).toBe(true);
  });

  it("has bounds that must all hold", () => {
    const versions = ["1.9", "2.0", "2.16.0", "2.17.1", "2.20"];
    expect(versions.map((version) => within(">=2.0 <2.17.1", "maven", version))).toEqual([false, true, true, false, false]);
    expect(versions.map((version) => within(">= 2.0, != 2.16", "maven", version))).toEqual([false, true, false, true, true]);
  });

  it("without an epoch finds versions that have one", () => {
    expect(within("<3.0.8", "rpm", "1:3.0.7-27.el9")).toBe(true);
    expect(within("<1:3.0.8", "rpm", "3.0.9-1.el9")).toBe(true);
    expect(within("<3.0.7-28", "rpm", "1:3.0.7-27.el9")).toBe(true);
  });

  it("that cannot be read is none", () => {
    expect(["", " ", ">", "<script>", "1 || 2", "x".repeat(400)].map(parseRange)).toEqual(Array(6).fill(undefined));
  });
});
