import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.ts";
import { readTrackFile } from "../../../src/config/files/track-file.ts";

let path = "";
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "build-watcher-track-")), "track.yaml");
});
afterAll(() => rmSync(join(path, ".."), { recursive: true, force: true }));

function read(yaml: string): readonly string[] {
  writeFileSync(path, yaml);
  return readTrackFile(path);
}

describe("readTrackFile", () => {
  it("reads kind, name and namespace, in the kind any case or none", () => {
    const yaml = `
trackBuildConfigs:
- kind: BuildConfig
  name: ray-example
  namespace: default
- kind: buildconfig
  name: golang-builder
  namespace: team
- name: anywhere
- kind: BuildConfig
  name: ray-example
  namespace: default
`;
    expect(read(yaml)).toEqual(["default/ray-example", "team/golang-builder", "anywhere"]);
  });

  it("finds the list in a Benchmark resource, too", () => {
    const yaml = "kind: Benchmark\nspec:\n  trackBuildConfigs:\n  - {kind: BuildConfig, name: ray, namespace: default}\n";
    expect(read(yaml)).toEqual(["default/ray"]);
  });

  it.each([
    ["trackBuildConfigs:\n- kind: ImageStream\n  name: a\n", /entry 1 .*kind "ImageStream"; what can be followed is BuildConfig/],
    ["trackBuildConfigs:\n- name: a\n- kind: BuildConfig\n", /entry 2 .*needs a name/],
    ["trackBuildConfigs:\n- name: a/b\n", /entry 1 .*needs a name/],
    ["trackBuildConfigs:\n- name: 7\n", /entry 1 .*needs a name/],
    ["trackBuildConfigs:\n- name: a\n  namespace: '*'\n", /entry 1 .*namespace "\*", which is no name/],
    ["trackBuildConfigs:\n- name: a\n  namespace: Team\n", /entry 1 .*namespace "Team"/],
    ["trackBuildConfigs:\n- just-text\n", /entry 1 .*needs a name/],
    ["trackBuildConfigs: []\n", /lists no BuildConfig/],
    ["trackBuildConfigs: a\n", /has no list trackBuildConfigs/],
    ["", /has no list trackBuildConfigs/],
    ["- a\n", /has no list trackBuildConfigs/],
    ["a: [", /cannot be read as YAML/],
    ["a: b: c\n", /cannot be read as YAML/],
  ])("refuses %j and names the file", (yaml, mistake) => {
    expect(() => read(yaml)).toThrow(ConfigError);
    expect(() => read(yaml)).toThrow(mistake);
    expect(() => read(yaml)).toThrow(path);
  });

  it("names a file that does not exist", () => {
    expect(() => readTrackFile("/no/such/file.yaml")).toThrow(/^\/no\/such\/file\.yaml cannot be read/);
  });
});
