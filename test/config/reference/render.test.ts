import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { optionEntries } from "../../../src/config/options.ts";
import { renderEnvExample, renderOptions, renderReference, renderSettingsPage } from "../../../src/config/reference/render.ts";

describe("the generated files", () => {
  it.each([
    [".env.example", renderEnvExample()],
    ["docs/settings.md", renderSettingsPage()],
  ])("%s is as the table of settings has it", (path, expected) => {
    const actual = readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
    expect(actual, `${path} is not up to date: npm run docs`).toBe(expected);
  });
});

describe("renderEnvExample", () => {
  it("has each variable once, commented out", () => {
    const variables = [...renderEnvExample().matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(variables.toSorted()).toEqual(optionEntries.map(([, { env }]) => env).toSorted());
    expect(renderEnvExample()).not.toMatch(/^[^#\n]/m);
    expect(renderEnvExample()).toContain("#THOTH_BUILD_WATCHER_WORKERS=1\n");
  });

  it("changes nothing when all of it is switched on", () => {
    const envFile = renderEnvExample().replace(/^#([A-Z_]+=)/gm, "$1");
    const plain = loadConfig({ flags: {}, environment: {} });
    expect(loadConfig({ flags: {}, environment: {}, envFile })).toEqual(plain);
  });
});

describe("renderOptions", () => {
  it.each([80, 100])("fits a terminal %i characters wide", (columns) => {
    const tooLong = renderOptions(columns)
      .split("\n")
      .filter((line) => line.length > columns);
    expect(tooLong).toEqual([]);
  });

  it("shows each option's flags, variable, default and meaning", () => {
    const text = renderOptions(80);
    expect(text).toContain("\nWork:\n");
    expect(text).toContain(
      "      --workers-count <number>  THOTH_BUILD_WATCHER_WORKERS\n        How many jobs of each analyzer run in ",
    );
    expect(text).toMatch(/-S, --no-src-registry-tls-verify {2}THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY/);
    expect(text).toMatch(/Also: --registry-user\./);
    for (const [, { env, flag }] of optionEntries) {
      expect(text).toContain(env);
      if (flag) expect(text).toContain(`--${flag}`);
    }
  });

  it("is part of the reference, which also says how values are written", () => {
    expect(renderReference(100)).toContain(renderOptions(100));
    expect(renderReference(100)).toMatch(/A flag wins over the environment/);
  });
});

describe("the table of settings", () => {
  it("uses every variable, flag and short flag once", () => {
    const flags = optionEntries.flatMap(([, { flag = [], short = [], aliases = [] }]) => [flag, short, aliases].flat());
    const variables = optionEntries.map(([, { env }]) => env);
    expect(new Set(flags).size).toBe(flags.length);
    expect(new Set(variables).size).toBe(variables.length);
  });

  it("takes every password for a secret without a default", () => {
    const secrets = optionEntries.filter(
      ([, { env }]) => /PASSWORD|TOKEN$|SECRET/.test(env) && !env.endsWith("_FILE") && env !== "THOTH_PASS_TOKEN",
    );
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.filter(([, { secret, default: value }]) => !secret || value !== undefined)).toEqual([]);
  });
});
