import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dpkg } from "../../../src/inventory/databases/system/dpkg.ts";
import { requirePrograms, runProgram } from "../../support/programs.ts";

const strange = `
Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0-1

Package: held
Status: hold ok installed
Architecture: amd64
Source: other (2:3.4-1)
Version: 1:1.0-1+b2
Description: a text
 with a line that reads
 Package: not-one
 .

Package: half
Status: install ok half-installed
Architecture: all
Version: 3
`;

requirePrograms("dpkg-query")("dpkg's status file", () => {
  it("is read as dpkg-query lists it", () => {
    const directory = mkdtempSync(join(tmpdir(), "dpkg-"));
    try {
      const bytes = Buffer.concat([readFileSync("/var/lib/dpkg/status"), Buffer.from(strange)]);
      writeFileSync(join(directory, "status"), bytes);
      const format = "${db:Status-Status}\t${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n";
      const listed = runProgram("dpkg-query", ["--admindir", directory, "-W", "-f", format]).split("\n");
      const installed = listed.filter((line) => line.startsWith("installed\t")).map((line) => line.slice("installed\t".length));
      const { packages, troubles } = dpkg.read({ path: "var/lib/dpkg/status", bytes });
      const lines = packages.map(
        ({ name, version, architecture, source }) => `${name} ${version} ${architecture} ${source?.name} ${source?.version}`,
      );
      expect(lines.toSorted()).toEqual(installed.toSorted());
      expect(troubles).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

it("a file of status.d says no status and is installed; its checksums are no package", () => {
  const bytes = Buffer.from("Package: base-files\nVersion: 12.4+deb12u5\nArchitecture: amd64\n");
  expect(dpkg.owns("var/lib/dpkg/status.d/base")).toBe(true);
  expect(dpkg.owns("var/lib/dpkg/status.d/base.md5sums")).toBe(false);
  expect(dpkg.read({ path: "", bytes }).packages).toMatchObject([{ name: "base-files", version: "12.4+deb12u5" }]);
});

it("an entry without a version is said, not passed over", () => {
  const bytes = Buffer.from("Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n");
  const { packages, troubles } = dpkg.read({ path: "", bytes });
  expect(packages.map(({ name }) => name)).toEqual(["b"]);
  expect(troubles).toEqual(["it has an entry without a name or version"]);
});
