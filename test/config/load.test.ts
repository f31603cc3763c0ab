import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { readEnvFile } from "../../src/config/environment/env-file.ts";
import { type ConfigSources, type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { describeConfig, secretsOf } from "../../src/config/reference/describe.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "build-watcher-config-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function load(sources: Partial<ConfigSources>): LoadedConfig {
  return loadConfig({ flags: {}, environment: {}, ...sources });
}

function mistakesOf(sources: Partial<ConfigSources>): readonly string[] {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

/** What `oc process` leaves of a parameter it does not know. */
function unfilled(parameter: string): string {
  return `\${${parameter}}`;
}

describe("loadConfig", () => {
  it("takes the defaults of the table when nothing is set", () => {
    const { config, warnings } = load({ environment: { HOME: "/home/me" } });
    expect(config).toMatchObject({
      namespaces: [],
      track: [],
      workers: 1,
      jobTimeout: 15 * 60_000,
      giveUpAfter: 72 * 60 * 60_000,
      watchTimeout: 120_000,
      buildLogLimit: 4 * 1024 * 1024,
      verifyClusterTls: true,
      passToken: false,
      stateDirectory: "/home/me/.local/state/build-watcher",
    });
    expect(config.analysisHost).toBeUndefined();
    expect(config.plainLog).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it("prefers flag, environment, .env file and default, in this order", () => {
    const envFile = "THOTH_BUILD_WATCHER_WORKERS=4\nTHOTH_WATCHED_NAMESPACE=file\nTHOTH_ENVIRONMENT_TYPE=buildtime\n";
    const environment = { THOTH_BUILD_WATCHER_WORKERS: "3", THOTH_WATCHED_NAMESPACE: "environment" };
    const { config } = load({ flags: { workers: "2" }, environment, envFile });
    expect(config).toMatchObject({
      workers: 2,
      namespaces: ["environment"],
      environmentType: "buildtime",
      watchTimeout: 120_000,
    });
  });

  it("takes an empty variable or flag as not set", () => {
    const environment = { THOTH_USER_API_HOST: "", THOTH_PASS_TOKEN: " ", THOTH_WATCHED_NAMESPACE: "from-environment" };
    const { config } = load({ flags: { namespaces: [""] }, environment, envFile: "THOTH_USER_API_HOST=from-file" });
    expect(config).toMatchObject({ analysisHost: "from-file", passToken: false, namespaces: ["from-environment"] });
  });

  it("lets a variable switch off what the .env file switches on", () => {
    expect(load({ environment: { THOTH_PASS_TOKEN: "0" }, envFile: "THOTH_PASS_TOKEN=1" }).config.passToken).toBe(false);
  });

  it("gathers repeated flags and commas into one list", () => {
    expect(load({ flags: { track: ["a", "b, team/c", "a"] } }).config.track).toEqual(["a", "b", "team/c"]);
  });

  it("reads a .env file with a byte order mark, quotes and comments", () => {
    const envFile = '\uFEFFTHOTH_USER_API_HOST="a.example.com" # the service\n#THOTH_PASS_TOKEN=1\n';
    expect(load({ envFile }).config).toMatchObject({ analysisHost: "a.example.com", passToken: false });
  });

  it("applies --no-registry-tls-verify to both kinds of registries", () => {
    expect(load({ flags: { noRegistryTlsVerify: true } }).config).toMatchObject({
      noSourceTlsVerify: true,
      noDestinationTlsVerify: true,
    });
  });

  it("takes only the newline off a secret", () => {
    const environment = { THOTH_SRC_REGISTRY_USER: " me ", THOTH_SRC_REGISTRY_PASSWORD: " blank \r\n" };
    expect(load({ environment }).config).toMatchObject({ sourceUser: "me", sourcePassword: " blank " });
  });

  it.each([
    [{ XDG_STATE_HOME: "/state", HOME: "/home/me" }, "/state/build-watcher"],
    [{ XDG_STATE_HOME: "relative", HOME: "/home/me" }, "/home/me/.local/state/build-watcher"],
    [{}, join(homedir(), ".local/state/build-watcher")],
    [{ BUILD_WATCHER_STATE_DIR: "/data", XDG_STATE_HOME: "/state" }, "/data"],
  ])("with %j keeps its state in %s", (environment, expected) => {
    expect(load({ environment }).config.stateDirectory).toBe(expected);
  });
});

describe("the mistakes in settings", () => {
  it("are reported all at once, each with flag, variable, value and what is expected", () => {
    const flags = { workers: "zero", namespaces: ["Team"] };
    const environment = { THOTH_PUSH_REGISTRY: "https://quay.io/x", KUBERNETES_VERIFY_TLS: "perhaps" };
    const envFile = "BUILD_WATCHER_JOB_TIMEOUT=soon";
    expect(mistakesOf({ flags, environment, envFile })).toEqual([
      expect.stringMatching(/^--build-watcher-namespace \(THOTH_WATCHED_NAMESPACE\) is "Team"; expected names of namespaces/),
      expect.stringMatching(
        /^--push-registry \(THOTH_PUSH_REGISTRY\) is "https:\/\/quay\.io\/x"; expected a name without scheme/,
      ),
      expect.stringMatching(/^--workers-count \(THOTH_BUILD_WATCHER_WORKERS\) is "zero"; expected a whole number/),
      expect.stringMatching(/^--job-timeout \(BUILD_WATCHER_JOB_TIMEOUT\) is "soon" in \.env; expected a duration/),
      expect.stringMatching(/^--no-cluster-tls-verify \(KUBERNETES_VERIFY_TLS\) is "perhaps"; expected 1, 0, true or false/),
    ]);
    expect(() => load({ flags, environment })).toThrow(/^4 settings are wrong:\n- --build-watcher-namespace/);
  });

  it("never show credentials hidden in a URL", () => {
    const [mistake = ""] = mistakesOf({ environment: { THOTH_USER_API_HOST: "https://me:hush/hush@example.com" } });
    expect(mistake).toContain('"https://***@example.com"');
    expect(mistake).not.toContain("hush");
    expect(mistakesOf({ environment: { THOTH_PUSH_REGISTRY: "me:hush@example.com" } }).join()).not.toContain("hush");
  });

  it.each([
    ["sourceUser", "--src-registry-user", "--src-registry-password"],
    ["sourcePassword", "--src-registry-password", "--src-registry-user"],
    ["destinationUser", "--dst-registry-user", "--dst-registry-password"],
    ["destinationPassword", "--dst-registry-password", "--dst-registry-user"],
  ])("include %s alone, without its other half", (name, set, unset) => {
    const [mistake = "", ...others] = mistakesOf({ flags: { [name]: "hush" } });
    expect(mistake).toMatch(new RegExp(`^${set} .* is set, but ${unset} .* is not`));
    expect(mistake).not.toContain("hush");
    expect(others).toEqual([]);
  });

  it("include settings that leave nothing to submit", () => {
    expect(mistakesOf({ flags: { noBase: true, noOutput: true } })).toEqual([]);
    const mistakes = mistakesOf({
      flags: { noBase: true, noOutput: true },
      environment: { THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "1" },
    });
    expect(mistakes).toEqual([expect.stringMatching(/--no-base .*--no-output .*--no-build-log .*nothing is left to submit/)]);
  });

  it("include * together with a namespace", () => {
    expect(mistakesOf({ flags: { namespaces: ["*,team"] } })).toEqual([expect.stringMatching(/is "\*,team"; .*\* alone/)]);
  });

  it("include a missing analysis host where the analyzer needs one, unless it is a dry run", () => {
    const thoth = { flags: { analyzers: ["thoth"] } };
    expect(mistakesOf(thoth)).toEqual([
      expect.stringMatching(/^--thoth-api-host \(THOTH_USER_API_HOST\) is not set, and the analyzer thoth needs it/),
    ]);
    expect(mistakesOf({ ...thoth, flags: { ...thoth.flags, dryRun: true } })).toEqual([]);
    expect(mistakesOf({})).toEqual([]);
  });

  it("include an unknown analyzer, and none together with another one", () => {
    expect(mistakesOf({ flags: { analyzers: ["toth"] } })).toEqual([
      expect.stringMatching(/BUILD_WATCHER_ANALYZERS\) names "toth".*thoth.*BUILD_WATCHER_COMMANDS_FILE/),
    ]);
    const both = { analyzers: ["thoth,none"], analysisHost: "a.example.com" };
    expect(mistakesOf({ flags: both })).toEqual([expect.stringMatching(/"thoth,none".*none alone/)]);
    expect(mistakesOf({})).toEqual([]);
  });

  it("report a wrong analysis host once, and not also as missing", () => {
    expect(mistakesOf({ flags: { analyzers: ["thoth"], analysisHost: "ftp://x" } })).toHaveLength(1);
  });

  it("include each wrong entry of the track file", () => {
    const path = join(directory, "wrong.yaml");
    writeFileSync(path, "trackBuildConfigs:\n- kind: Secret\n  name: a\n- namespace: team\n");
    expect(mistakesOf({ flags: { trackFile: path, workers: "0" } })).toEqual([
      expect.stringMatching(/^--workers-count/),
      expect.stringMatching(/^--track-file \(BUILD_WATCHER_TRACK_FILE\): .*wrong\.yaml: entry 1 .*"Secret"/),
      expect.stringMatching(/^--track-file .*wrong\.yaml: entry 2 .*needs a name/),
    ]);
  });
});

describe("the track file", () => {
  it("adds its BuildConfigs to those of the setting", () => {
    const path = join(directory, "track.yaml");
    writeFileSync(path, "trackBuildConfigs:\n- kind: BuildConfig\n  name: ray-example\n  namespace: default\n- name: a\n");
    expect(load({ flags: { trackFile: path, track: ["a", "team/b"] } }).config.track).toEqual([
      "a",
      "team/b",
      "default/ray-example",
    ]);
  });
});

describe("warnings", () => {
  it.each([
    ["THOTH_BUILD_WATCHER_WORKER", "THOTH_BUILD_WATCHER_WORKERS"],
    ["THOTH_NO_TSL_VERIFY", "THOTH_NO_TLS_VERIFY"],
    ["BUILD_WATCHER_WORKERS", "THOTH_BUILD_WATCHER_WORKERS"],
    ["THOTH_DRY_RUN", "BUILD_WATCHER_DRY_RUN"],
    ["BUILD_WATCHER_STATE_DIRECTORY", "BUILD_WATCHER_STATE_DIR"],
  ])("name the setting that was meant by %s: %s", (variable, meant) => {
    expect(load({ environment: { [variable]: "1" } }).warnings).toEqual([
      expect.stringMatching(new RegExp(`^${variable} .*did you mean ${meant}\\?$`)),
    ]);
  });

  it("also come for the .env file, without a suggestion if no name is similar", () => {
    expect(load({ envFile: "THOTH_QUOKKA=1" }).warnings).toEqual(["THOTH_QUOKKA is not a setting of the bot and has no effect"]);
  });

  it("never show a value", () => {
    expect(load({ environment: { THOTH_SRC_REGISTRY_PASWORD: "hush" } }).warnings.join()).not.toContain("hush");
  });

  it.each([
    [
      { THOTH_PUSH_REGISTRY: "registry/mirror" },
      /copies go to docker\.io\/registry\/mirror: write that, or the registry's whole host name$/,
    ],
    [{ THOTH_PUSH_REGISTRY: "me" }, /copies go to docker\.io\/me:/],
    [{ BUILD_WATCHER_SINCE: "9000-01-01" }, /^--since .* lies ahead: until then every build is left alone$/],
    [
      { BUILD_WATCHER_SOURCES: "builds", BUILD_WATCHER_TEKTON_SELECTOR: "a=b" },
      /^--tekton-selector .* has no effect: --sources .* leaves out tekton$/,
    ],
    [{ BUILD_WATCHER_SOURCES: "tekton", BUILD_WATCHER_LABEL_SELECTOR: "a=b" }, /^--label-selector .* leaves out builds$/],
  ])("come for values that hardly mean what they do: %j", (environment, message) => {
    expect(load({ environment }).warnings).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    { THOTH_PUSH_REGISTRY: "docker.io/me" },
    { THOTH_PUSH_REGISTRY: "localhost/me" },
    { THOTH_PUSH_REGISTRY: "registry:5000/me" },
    { BUILD_WATCHER_SINCE: "2026-11-26T10:00:00+02:00" },
    { BUILD_WATCHER_SOURCES: "tekton", BUILD_WATCHER_TEKTON_SELECTOR: "a=b" },
    { BUILD_WATCHER_TEKTON_SELECTOR: "a=b" },
  ])("do not come for %j", (environment) => {
    expect(load({ environment }).warnings).toEqual([]);
  });

  it.each([
    ["BUILD_WATCHER_SOURCE_REGISTRIES", "https://quay.io"],
    ["BUILD_WATCHER_SOURCE_REGISTRIES", "quay.io/org"],
    ["BUILD_WATCHER_PUSH_SKIP", "quay.io/org"],
    ["BUILD_WATCHER_WEBHOOK_REPOSITORIES", "https://quay.io/*"],
    ["BUILD_WATCHER_WEBHOOK_REPOSITORIES", "quay.io"],
    ["BUILD_WATCHER_WEBHOOK_REPOSITORIES", "quay.io/shop/app:latest"],
  ])("are mistakes where a pattern can match nothing: %s=%s", (variable, pattern) => {
    expect(mistakesOf({ environment: { [variable]: pattern } })).toEqual([
      expect.stringMatching(/; expected .*in which \* stands for any characters/),
    ]);
  });

  it("do not come for variables that Kubernetes sets for a Service with the bot's name", () => {
    const environment = {
      BUILD_WATCHER_SERVICE_HOST: "172.30.0.7",
      BUILD_WATCHER_SERVICE_PORT: "8080",
      BUILD_WATCHER_SERVICE_PORT_HTTP: "8080",
      BUILD_WATCHER_PORT: "tcp://172.30.0.7:8080",
      BUILD_WATCHER_PORT_8080_TCP: "tcp://172.30.0.7:8080",
      BUILD_WATCHER_PORT_8080_TCP_PROTO: "tcp",
      BUILD_WATCHER_PORT_8080_TCP_PORT: "8080",
      BUILD_WATCHER_PORT_8080_TCP_ADDR: "172.30.0.7",
      PROMETHEUS_PUSHGATEWAY_PORT: "tcp://172.30.0.8:9091",
    };
    const { config, warnings } = load({ environment });
    expect(warnings).toEqual([]);
    expect(config.pushGatewayPort).toBeUndefined();
  });

  it("do not come for variables of the Python build-watcher that have no effect any more", () => {
    const environment = {
      THOTH_LOG_BUILD_WATCHER: "INFO",
      THOTH_ERROR_FALLBACK: "1",
      THOTH_INFRA_NAMESPACE: "thoth-infra",
      THAMOS_DISABLE_TLS_WARNING: "1",
      SENTRY_DSN: "https://key@sentry.example.com/1",
    };
    expect(load({ environment }).warnings).toEqual([]);
  });

  it("come for a switch that a template left empty, which does not stop the bot", () => {
    const { config, warnings } = load({
      environment: { THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: unfilled("HOTH_BUILD_ANALYSIS_NO_BUILD_LOG") },
    });
    expect(config.noBuildLog).toBe(false);
    expect(warnings).toEqual([
      expect.stringMatching(/^--no-build-log .*\$\{HOTH_BUILD_ANALYSIS_NO_BUILD_LOG\}.*was not filled in/),
    ]);
    expect(mistakesOf({ environment: { THOTH_WATCHED_NAMESPACE: unfilled("NAMESPACE") } })).toEqual([
      expect.stringMatching(/was not filled in/),
    ]);
  });

  it("come for a login of the push registry when there is none", () => {
    const flags = { destinationUser: "me", destinationPassword: "hush" };
    expect(load({ flags }).warnings).toEqual([expect.stringMatching(/^--dst-registry-user .*no effect without --push-registry/)]);
    expect(load({ flags: { ...flags, pushRegistry: "quay.io/me" } }).warnings).toEqual([]);
  });

  it("come for the registry of a login when there is no login", () => {
    const flags = { sourceRegistry: "quay.io" };
    expect(load({ flags }).warnings).toEqual([expect.stringMatching(/^--src-registry .*no effect without --src-registry-user/)]);
    expect(load({ flags: { ...flags, sourceUser: "me", sourcePassword: "hush" } }).warnings).toEqual([]);
  });
});

describe("describeConfig", () => {
  const flags = {
    analysisHost: "a.example.com",
    sourceUser: "me",
    sourcePassword: "hush",
    jobTimeout: "90",
    namespaces: ["a,b"],
    trackFile: "",
  };
  const { config } = load({ flags });

  it("shows settings as they would be written, and secrets only as set", () => {
    const description = describeConfig(config);
    expect(description).toMatchObject({
      analysisHost: "a.example.com",
      sourcePassword: "set",
      jobTimeout: "90s",
      namespaces: "a,b",
    });
    for (const usual of ["dryRun", "follow", "giveUpAfter", "destinationPassword"]) expect(description).not.toHaveProperty(usual);
    for (const list of ["track", "namespaceExclude", "sbomSource"]) expect(description).not.toHaveProperty(list);
    expect(JSON.stringify(description)).not.toContain("hush");
  });

  it("has a list of texts that must not be in any output", () => {
    expect(secretsOf(config)).toEqual(["hush"]);
  });
});

describe("the database's URL", () => {
  const url = "postgresql://app:hush%2Fhush@db.example.com/bot";

  it("is never shown, and its password is not, in any spelling", () => {
    const { config } = load({ environment: { BUILD_WATCHER_DATABASE_URL: url } });
    expect(describeConfig(config)).toMatchObject({ databaseUrl: "set" });
    expect(secretsOf(config)).toEqual([url, "hush%2Fhush", "hush/hush"]);
  });

  it("can be a mistake, which repeats no part of it", () => {
    const [mistake = "", ...others] = mistakesOf({
      environment: { BUILD_WATCHER_DATABASE_URL: "postgresql://app:hush@hush@db/bot" },
    });
    expect(mistake).toMatch(/^BUILD_WATCHER_DATABASE_URL is not usable; expected .*percent-encoded/);
    expect(mistake).not.toContain("hush");
    expect(others).toEqual([]);
  });

  it("can leave its certificates to their own setting", () => {
    const environment = { BUILD_WATCHER_DATABASE_URL: `${url}?sslmode=verify-ca` };
    expect(mistakesOf({ environment })).toEqual([
      expect.stringMatching(/sslrootcert.*--database-ca \(BUILD_WATCHER_DATABASE_CA\)/),
    ]);
    expect(mistakesOf({ environment, flags: { databaseCa: "/ca.crt" } })).toEqual([]);
  });

  it("is not taken from the .env in somebody else's directory", () => {
    expect(mistakesOf({ envFile: `BUILD_WATCHER_DATABASE_URL=${url}`, ownEnvFile: false })).toEqual([
      expect.stringMatching(/^BUILD_WATCHER_DATABASE_URL is not read from the \.env/),
    ]);
  });

  it("is required by a file with its CA certificates", () => {
    expect(load({ flags: { databaseCa: "/ca.crt" } }).warnings).toEqual([
      expect.stringMatching(/^--database-ca .*no effect without BUILD_WATCHER_DATABASE_URL/),
    ]);
  });
});

describe("readEnvFile", () => {
  it("returns the file's text, nothing if there is no file, and a mistake if it cannot be read", () => {
    const path = join(directory, ".env");
    writeFileSync(path, "A=1\n");
    expect(readEnvFile(path)).toBe("A=1\n");
    expect(readEnvFile(join(directory, "none"))).toBeUndefined();
    expect(() => readEnvFile(directory)).toThrow(ConfigError);
  });
});
