import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { type Config, type Option, type OptionName, optionEntries } from "../../src/config/options.ts";
import { deploy } from "../support/deployed.ts";
import { readTemplate } from "../support/templates.ts";

const platform = ["HTTPS_PROXY", "HTTP_PROXY", "NODE_EXTRA_CA_CERTS", "NO_PROXY", "TMPDIR"];
const ofThePod = (readTemplate("deployment.yaml").parameters ?? []).map(({ name }) => name);

function load(environment: Readonly<Record<string, string>>): Config {
  const { config, warnings } = loadConfig({ flags: {}, environment });
  expect(warnings).toEqual([]);
  return config;
}

/** A value of an option that is not its default, as text. */
function otherValue(name: OptionName, { type, choices, default: usual }: Option): string {
  const special: { readonly [Name in OptionName]?: string } = {
    clusterUrl: "https://api.example.com:6443",
    notifyUrl: "https://hooks.example.com/build-watcher",
    notifySecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    publicUrl: "https://build-watcher.example.com",
    consoleUrl: "https://console.example.com",
    trackFile: "",
    labelSelector: "tier=web",
    sources: "tekton",
    webhookRepositories: "quay.example.com/shop/*",
    since: "7d",
    stateDirectory: "/data",
    databaseUrl: "postgresql://app:hush@db.example.com/bot",
    giveUpAfter: "77h",
  };
  const byType: Readonly<Record<Option["type"], string>> = {
    boolean: usual === true ? "0" : "1",
    integer: "7",
    duration: "77s",
    size: "77KiB",
    choice: choices?.find((choice) => choice !== usual) ?? "",
    list: choices?.at(-1) ?? "quokka",
    string: "quokka.example.com",
  };
  return special[name] ?? byType[type];
}

describe("the environment of the deployed bot", () => {
  it("has every setting's variable, and nothing unknown", () => {
    const variables = optionEntries.map(([, { env }]) => env);
    expect(Object.keys(deploy().environment).sort()).toEqual([...variables, ...platform].sort());
  });

  it("changes no default but what the pod's directories ask for, and which account pulls images", () => {
    const plain = load({ THOTH_WATCHED_NAMESPACE: "shop", THOTH_USER_API_HOST: "user-api.example.com", HOME: "/" });
    expect(load(deploy().environment)).toEqual({
      ...plain,
      stateDirectory: "/var/lib/build-watcher",
      registryCerts: "/etc/build-watcher/certificates",
      pullAccount: "build-watcher-pull",
    });
  });

  const settable = optionEntries.filter(([name]) => name !== "trackFile" && name !== "commandsFile");

  it.each(settable)("takes %s from the parameter of its variable's name", (name, option) => {
    const value = otherValue(name, option);
    const parameter = { [option.env]: value };
    const { environment } = ofThePod.includes(option.env) ? deploy({}, parameter) : deploy(parameter);
    expect(environment[option.env]).toBe(value);
    const alone = { THOTH_USER_API_HOST: "user-api.example.com", ...pairOf(name), [option.env]: value };
    expect(load({ ...environment, ...pairOf(name) })[name]).toEqual(load(alone)[name]);
    expect(load({ ...environment, ...pairOf(name) })[name]).not.toEqual(load(deploy().environment)[name]);
  });

  it("has secrets from the Secret alone", () => {
    const given = Object.fromEntries(optionEntries.flatMap(([, { env, secret }]) => (secret ? [[env, "hush-hush"]] : [])));
    const { objects } = deploy(given);
    const telling = objects.filter((object) => JSON.stringify(object).includes("hush-hush")).map(({ kind }) => kind);
    expect(Object.keys(given)).not.toEqual([]);
    expect(telling).toEqual(["Secret"]);
  });
});

/** The other half of a login, without which a half is a mistake, and where the login is for. */
function pairOf(name: OptionName): Readonly<Record<string, string>> {
  const registry = { THOTH_PUSH_REGISTRY: "registry.example.com" };
  const halves: { readonly [Name in OptionName]?: Readonly<Record<string, string>> } = {
    sourceUser: { THOTH_SRC_REGISTRY_PASSWORD: "x" },
    sourcePassword: { THOTH_SRC_REGISTRY_USER: "x" },
    sourceRegistry: { THOTH_SRC_REGISTRY_USER: "x", THOTH_SRC_REGISTRY_PASSWORD: "x" },
    destinationUser: { THOTH_DST_REGISTRY_PASSWORD: "x", ...registry },
    destinationPassword: { THOTH_DST_REGISTRY_USER: "x", ...registry },
    destinationAuthfile: registry,
    trustifyIssuer: { BUILD_WATCHER_TRUSTIFY_CLIENT_ID: "x", BUILD_WATCHER_TRUSTIFY_CLIENT_SECRET_FILE: "x" },
    attachSbom: { BUILD_WATCHER_ANALYZERS: "packages", ...registry },
    pushTemplate: registry,
    pushSkip: registry,
    databaseCa: { BUILD_WATCHER_DATABASE_URL: "postgresql://app@db.example.com/bot" },
  };
  return halves[name] ?? {};
}
