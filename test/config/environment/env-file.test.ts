import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.ts";
import { warnOfEnvLines } from "../../../src/config/environment/env-lines.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { optionEntries } from "../../../src/config/options.ts";

describe("a line of .env that sets nothing, or something else", () => {
  it.each([
    ["THOTH_PUSH_REGISTRY: quay.example.com/mirror", "THOTH_PUSH_REGISTRY=value"],
    ["set THOTH_WATCHED_NAMESPACE=shop", "THOTH_WATCHED_NAMESPACE=value"],
    ["export\tTHOTH_WATCHED_NAMESPACE=shop", "THOTH_WATCHED_NAMESPACE=value"],
    ["thoth_watched_namespace=shop", "its name is THOTH_WATCHED_NAMESPACE"],
    ["THOTH_WATCHED_NAMESPACE", "THOTH_WATCHED_NAMESPACE=value"],
    ["watch the shop", "NAME=value"],
    ["HTTPS_PROXY=http://proxy:3128", "HTTPS_PROXY has no effect here"],
    ["KUBECONFIG=/tmp/x", "KUBECONFIG has no effect here"],
    ["NODE_EXTRA_CA_CERTS=/tmp/x", "NODE_EXTRA_CA_CERTS has no effect here"],
    ["\u00a0THOTH_WATCHED_NAMESPACE=shop", "THOTH_WATCHED_NAMESPACE=value"],
    ["THOTH_SRC_REGISTRY_PASSWORD=a#b", "THOTH_SRC_REGISTRY_PASSWORD ends before #"],
    ["THOTH_SRC_REGISTRY_PASSWORD='a'b#b'", "THOTH_SRC_REGISTRY_PASSWORD ends at its second '"],
    ['THOTH_SRC_REGISTRY_PASSWORD="a#b', 'THOTH_SRC_REGISTRY_PASSWORD begins with " and has no second one'],
    ["THOTH_WATCHED_NAMESPACE=“shop”", "THOTH_WATCHED_NAMESPACE begins with a typographic quotation mark"],
  ])("is named: %s", (line, words) => {
    const warnings = warnOfEnvLines(`# a comment\n\n${line}\n`);
    expect(warnings).toEqual([expect.stringContaining(words)]);
    expect(warnings[0]).toMatch(/^\.env, line 3: /);
    expect(warnings[0]).not.toMatch(/quay\.example|shop=|proxy:3128|a#b/);
  });

  it.each([
    "THOTH_WATCHED_NAMESPACE=shop",
    "export THOTH_WATCHED_NAMESPACE=shop",
    "THOTH_WATCHED_NAMESPACE = shop # all of it",
    "\tTHOTH_WATCHED_NAMESPACE\t=\tshop",
    "THOTH_SRC_REGISTRY_PASSWORD='a#b'",
    "THOTH_SRC_REGISTRY_PASSWORD='a\"b' # quoted",
    'THOTH_SRC_REGISTRY_PASSWORD="one\ntwo: three\nfour"',
    "\uFEFFTHOTH_WATCHED_NAMESPACE=shop\r\nTHOTH_USER_API_HOST=x\r\n",
  ])("is not meant: %j", (text) => expect(warnOfEnvLines(text)).toEqual([]));

  it("is named after a quotation mark that is left open, and so is the first of two for the same setting", () => {
    const lines = ['THOTH_SRC_REGISTRY_PASSWORD="a', "THOTH_WATCHED_NAMESPACE=shop", "set X=1", "THOTH_WATCHED_NAMESPACE=bank"];
    expect(warnOfEnvLines(lines.join("\n"))).toEqual([
      expect.stringMatching(/line 1: .* has no second one/),
      expect.stringMatching(/line 3: it sets nothing/),
      ".env, line 4: THOTH_WATCHED_NAMESPACE is in line 2 as well; this one counts",
    ]);
  });

  it("is all of a file in UTF-16", () => {
    expect(warnOfEnvLines(Buffer.from("THOTH_WATCHED_NAMESPACE=shop", "utf16le").toString("utf8"))).toEqual([
      expect.stringContaining("UTF-8"),
    ]);
  });

  it("is reported with the other warnings", () => {
    const { warnings } = loadConfig({ flags: {}, environment: { HOME: "/" }, envFile: "set X=1" });
    expect(warnings).toContainEqual(expect.stringContaining("line 1"));
  });
});

describe("the .env of a working directory", () => {
  const load = (envFile: string, environment: Readonly<Record<string, string>> = {}) =>
    loadConfig({ flags: {}, environment: { HOME: "/", ...environment }, envFile, ownEnvFile: false }).config;

  it.each([
    "SKOPEO_EXEC_PATH=/tmp/evil",
    "THOTH_USER_API_HOST=evil.example",
    "THOTH_PASS_TOKEN=1",
    "THOTH_PUSH_REGISTRY=evil.example/x",
    "KUBERNETES_API_URL=https://evil.example",
    "KUBERNETES_VERIFY_TLS=0",
    "THOTH_NO_TLS_VERIFY=1",
    "BUILD_WATCHER_COMMANDS_FILE=evil.yaml",
    "BUILD_WATCHER_SRC_AUTHFILE=/tmp/auth-with-a-helper.json",
    "BUILD_WATCHER_RHACS_TOKEN_FILE=/home/somebody/.ssh/id_ed25519",
    "BUILD_WATCHER_RHACS_URL=https://evil.example",
    "BUILD_WATCHER_PULL_ACCOUNT=kube-system/admin",
    "BUILD_WATCHER_API_TOKEN=0123456789abcdef",
    "BUILD_WATCHER_WEBHOOK_SECRET=0123456789abcdef",
    "BUILD_WATCHER_PUBLIC_URL=https://evil.example",
    "BUILD_WATCHER_HOST=0.0.0.0",
    "BUILD_WATCHER_ANNOTATE=1",
    "BUILD_WATCHER_STATE_DIR=/home/somebody",
  ])("names no program, no file, no secret's destination, nobody with rights and no switch for one: %s", (line) => {
    expect(() => load(line)).toThrow(ConfigError);
    expect(() => load(line)).toThrow(line.split("=")[0]);
  });

  it("cannot set anything whose name means a host, a file or a secret", () => {
    const telling = optionEntries.filter(
      ([, { env, type }]) =>
        type !== "boolean" && /_(URL|HOST|FILE|DIR|PATH|SECRET|TOKEN|ACCOUNT|AUTHFILE|CERTS|ROUTE)$/.test(env),
    );
    expect(telling.length).toBeGreaterThan(20);
    for (const [, { env }] of telling)
      expect(() => load(`${env}=1`), env).toThrow(/is not read from the \.env of the working directory/);
  });

  it("says everything else, and gives way to the environment", () => {
    const text = "THOTH_WATCHED_NAMESPACE=shop\nTHOTH_USER_API_HOST=evil.example";
    expect(load(text, { THOTH_USER_API_HOST: "good.example" })).toMatchObject({
      namespaces: ["shop"],
      analysisHost: "good.example",
    });
  });
});
