import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { failed, passed, renderFindings, renderJson, warned } from "../../src/cli/check/finding.ts";
import { setCommandFor } from "../../src/cli/check/set-command.ts";
import { tokenWarnings } from "../../src/cli/check/token.ts";

const paint = (_tone: string, text: string) => text;

const right = (namespace: string, ok: boolean) => ({
  ...(ok
    ? passed("right list builds", `bot can list builds in namespace ${namespace}.`)
    : failed("right list builds", `bot cannot list builds in namespace ${namespace}.`, `grant -n ${namespace}`)),
  namespace,
});

describe("what check found in 200 namespaces", () => {
  const names = Array.from({ length: 200 }, (_, index) => `ns-${index}`);
  const findings = [passed("settings", "fine"), ...names.map((name, index) => right(name, index >= 150)), warned("x", "odd")];

  it("is a line for what they have in common, worst first", () => {
    expect(renderFindings(findings, { all: false, paint }).split("\n")).toEqual([
      "fails   right list builds  bot cannot list builds in 150 namespaces: ns-0, ns-1, ns-2 and 147 more.  Fix: grant -n ns-0  # similar for the others: see --all",
      "warns   x                  odd",
      "ok      settings           fine",
      "ok      right list builds  bot can list builds in 50 namespaces.",
      "1 of 4 checks failed, 1 warning.",
      "",
    ]);
  });

  it("is there in full where it is asked for", () => {
    expect(renderFindings(findings, { all: true, paint }).split("\n")).toHaveLength(204);
    expect(JSON.parse(renderJson(findings)).checks).toHaveLength(202);
  });
});

describe("the way to change a setting", () => {
  it("is the flag, where one was given, since it wins", () => {
    const set = setCommandFor({ environment: {}, flags: { analysisHost: "x" } });
    expect(set("THOTH_USER_API_HOST")).toBe("change the flag --thoth-api-host, which wins over THOTH_USER_API_HOST");
  });

  it("names the namespace in a pod", () => {
    const set = setCommandFor({ environment: { KUBERNETES_SERVICE_HOST: "1" }, flags: {}, namespace: "bots" });
    expect(set("PORT")).toBe("oc set env deployment/build-watcher -n bots PORT=<port>");
  });

  it.each([{}, { KUBERNETES_SERVICE_HOST: "1" }])("does nothing when it is pasted as it stands: %j", (environment) => {
    const set = setCommandFor({ environment, flags: {} });
    for (const variable of ["BUILD_WATCHER_PUSH_LAYOUT", "THOTH_USER_API_HOST", "BUILD_WATCHER_ANNOTATE"]) {
      const script = `oc() { echo ran; }\n${set(variable, "THOTH_DST_REGISTRY_USER")}\necho "$${variable}"`;
      const { stdout, status } = spawnSync("sh", ["-c", script], { cwd: "/nonexistent-is-fine".slice(0, 1) });
      expect([status === 0, String(stdout)]).toEqual([false, ""]);
    }
  });
});

describe("a token that is passed on", () => {
  const config = { passToken: true, pullAccount: undefined, analysisHost: "api.example", dryRun: false };

  it.each([
    ["a person's own outside a pod", {}, /your own cluster token to api\.example.*in the URL.*BUILD_WATCHER_PULL_ACCOUNT/],
    [
      "the bot's own in a pod",
      { KUBERNETES_SERVICE_HOST: "1" },
      /the bot's own token to api\.example.*in the URL.*BUILD_WATCHER_PULL_ACCOUNT/,
    ],
  ])("is %s, which is worth a warning", (_, environment, words) => {
    expect(tokenWarnings(config, environment).join()).toMatch(words);
  });

  it("is that of an account that can only pull, or is none", () => {
    expect(tokenWarnings({ ...config, pullAccount: "build-watcher-pull" }, {})).toEqual([]);
    expect(tokenWarnings({ ...config, passToken: false }, {})).toEqual([]);
  });
});
