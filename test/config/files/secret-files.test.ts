import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigError } from "../../../src/config/config-error.ts";
import { readSecretFiles } from "../../../src/config/files/secret-files.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { optionEntries } from "../../../src/config/options.ts";

const login = { THOTH_PUSH_REGISTRY: "registry.example.com", THOTH_DST_REGISTRY_USER: "robot", HOME: "/" };

function fileOf(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "build-watcher-secret-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "secret");
  writeFileSync(path, text);
  return path;
}

function mistakesOf(environment: Readonly<Record<string, string>>, envFile?: string): readonly string[] {
  try {
    loadConfig({ flags: {}, environment, envFile });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

describe("a secret in a file", () => {
  it.each(optionEntries.flatMap(([, { env, secret }]) => (secret ? [env] : [])))("is taken for %s", (env) => {
    const { environment } = readSecretFiles({ [`${env}_FILE`]: fileOf("hush") }, {});
    expect(environment[env]).toBe("hush");
  });

  it("is read to the end of its last line, blanks included", () => {
    const path = fileOf(" pa$$ 'word' \n");
    const { config, warnings } = loadConfig({ flags: {}, environment: { ...login, THOTH_DST_REGISTRY_PASSWORD_FILE: path } });
    expect(config.destinationPassword).toBe(" pa$$ 'word' ");
    expect(warnings).toEqual([]);
  });

  it("counts as not set where the file is empty", () => {
    const { config } = loadConfig({ flags: {}, environment: { HOME: "/", BUILD_WATCHER_API_TOKEN_FILE: fileOf("\n") } });
    expect(config.apiToken).toBeUndefined();
  });

  it("that cannot be read is a mistake that names variable and file", () => {
    const environment = { ...login, THOTH_DST_REGISTRY_PASSWORD_FILE: "/nowhere/password" };
    expect(mistakesOf(environment)[0]).toMatch(/^THOTH_DST_REGISTRY_PASSWORD_FILE names a file .*ENOENT.*\/nowhere\/password/);
  });

  it("together with its file is a mistake, which shows neither", () => {
    const both = { THOTH_DST_REGISTRY_PASSWORD: "one-secret", THOTH_DST_REGISTRY_PASSWORD_FILE: fileOf("another-secret") };
    const mistakes = mistakesOf({ ...login, ...both });
    expect(mistakes).toEqual([
      "THOTH_DST_REGISTRY_PASSWORD and THOTH_DST_REGISTRY_PASSWORD_FILE are both set; expected one of them",
    ]);
  });

  it("is not read where only a .env file names it", () => {
    const envFile = `BUILD_WATCHER_API_TOKEN_FILE=${fileOf("0123456789abcdef0123456789abcdef")}`;
    const { config, warnings } = loadConfig({ flags: {}, environment: { HOME: "/" }, envFile });
    expect(config.apiToken).toBeUndefined();
    expect(warnings).toEqual(["BUILD_WATCHER_API_TOKEN_FILE has no effect in .env; set it in the environment"]);
  });
});
