import { describe, expect, it } from "vitest";
import { parseArguments } from "../../src/cli/program.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/options.ts";

/** Every name that a deployment or a script for the Python build-watcher can use, spelt out. */
const byVariable: readonly [variable: string, text: string, config: Partial<Config>][] = [
  ["THOTH_WATCHED_NAMESPACE", "jupyterhub", { namespaces: ["jupyterhub"] }],
  ["THOTH_USER_API_HOST", "api.example.com", { analysisHost: "api.example.com" }],
  ["THOTH_NO_TLS_VERIFY", "1", { noTlsVerify: true }],
  ["THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY", "1", { noSourceTlsVerify: true }],
  ["THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY", "1", { noDestinationTlsVerify: true }],
  ["THOTH_PASS_TOKEN", "1", { passToken: true }],
  ["THOTH_SRC_REGISTRY_USER", "me", { sourceUser: "me" }],
  ["THOTH_SRC_REGISTRY_PASSWORD", "hush", { sourcePassword: "hush" }],
  ["THOTH_DST_REGISTRY_USER", "me", { destinationUser: "me" }],
  ["THOTH_DST_REGISTRY_PASSWORD", "hush", { destinationPassword: "hush" }],
  ["THOTH_PUSH_REGISTRY", "quay.io/me", { pushRegistry: "quay.io/me" }],
  ["THOTH_ANALYZE_EXISTING", "1", { analyzeExisting: true }],
  ["THOTH_BUILD_WATCHER_WORKERS", "8", { workers: 8 }],
  ["THOTH_ENVIRONMENT_TYPE", "buildtime", { environmentType: "buildtime" }],
  ["THOTH_BUILD_ANALYSIS_NO_BASE_IMAGE", "1", { noBase: true }],
  ["THOTH_BUILD_ANALYSIS_NO_OUTPUT_IMAGE", "1", { noOutput: true }],
  ["THOTH_BUILD_ANALYSIS_NO_BUILD_LOG", "1", { noBuildLog: true }],
  ["THOTH_BUILD_ANALYSIS_DEBUG", "1", { debug: true }],
  ["THOTH_BUILD_ANALYSIS_FORCE", "1", { force: true }],
  ["THOTH_VERBOSE_BUILD_WATCHER", "1", { verbose: true }],
  ["KUBERNETES_VERIFY_TLS", "0", { verifyClusterTls: false }],
  [
    "KUBERNETES_API_URL",
    "https://kubernetes.default.svc.cluster.local",
    { clusterUrl: "https://kubernetes.default.svc.cluster.local" },
  ],
  ["SKOPEO_EXEC_PATH", "/opt/skopeo", { skopeoPath: "/opt/skopeo" }],
  ["THOTH_LOGGING_NO_JSON", "1", { plainLog: true }],
  ["THOTH_DEPLOYMENT_NAME", "ocp-test", { deploymentName: "ocp-test" }],
  ["PROMETHEUS_PUSHGATEWAY_HOST", "pushgateway", { pushGatewayHost: "pushgateway" }],
  ["PROMETHEUS_PUSHGATEWAY_PORT", "9091", { pushGatewayPort: 9091 }],
];

const byFlags: readonly [line: string, config: Partial<Config>][] = [
  ["--build-watcher-namespace jupyterhub", { namespaces: ["jupyterhub"] }],
  ["-n jupyterhub", { namespaces: ["jupyterhub"] }],
  ["--thoth-api-host api.example.com", { analysisHost: "api.example.com" }],
  ["-a api.example.com", { analysisHost: "api.example.com" }],
  ["--no-tls-verify", { noTlsVerify: true }],
  ["-T", { noTlsVerify: true }],
  ["--no-src-registry-tls-verify", { noSourceTlsVerify: true, noDestinationTlsVerify: false }],
  ["-S", { noSourceTlsVerify: true, noDestinationTlsVerify: false }],
  ["--no-dst-registry-tls-verify", { noSourceTlsVerify: false, noDestinationTlsVerify: true }],
  ["-D", { noSourceTlsVerify: false, noDestinationTlsVerify: true }],
  ["--no-registry-tls-verify", { noSourceTlsVerify: true, noDestinationTlsVerify: true, noTlsVerify: false }],
  ["--pass-token", { passToken: true }],
  ["-p", { passToken: true }],
  ["--src-registry-user me --src-registry-password hush", { sourceUser: "me", sourcePassword: "hush" }],
  ["--registry-user me --registry-password hush", { sourceUser: "me", sourcePassword: "hush" }],
  ["--dst-registry-user me --dst-registry-password hush", { destinationUser: "me", destinationPassword: "hush" }],
  ["--push-registry quay.io/me", { pushRegistry: "quay.io/me" }],
  ["-r quay.io/me", { pushRegistry: "quay.io/me" }],
  ["--analyze-existing", { analyzeExisting: true }],
  ["--workers-count 8", { workers: 8 }],
  ["--environment-type runtime", { environmentType: "runtime" }],
  ["--no-base", { noBase: true }],
  ["--no-output", { noOutput: true }],
  ["--no-build-log", { noBuildLog: true }],
  ["--debug", { debug: true }],
  ["--force", { force: true }],
  ["--verbose", { verbose: true }],
  ["-v", { verbose: true }],
  ["-TSDpv", { noTlsVerify: true, noSourceTlsVerify: true, noDestinationTlsVerify: true, passToken: true, verbose: true }],
];

/** The other half of a login, which may not stand alone. */
const otherHalf = {
  THOTH_SRC_REGISTRY_USER: "me",
  THOTH_SRC_REGISTRY_PASSWORD: "hush",
  THOTH_DST_REGISTRY_USER: "me",
  THOTH_DST_REGISTRY_PASSWORD: "hush",
};

function configOf(line: string): Config {
  const invocation = parseArguments(line.split(" "), { version: "0.0.0" });
  if (invocation.command === "print") throw new Error(invocation.text);
  return loadConfig({ flags: invocation.flags, environment: {} }).config;
}

describe("the names of the Python build-watcher", () => {
  it.each(byVariable)("takes the variable %s=%s", (variable, text, expected) => {
    const environment = { ...(/REGISTRY_(USER|PASSWORD)/.test(variable) && otherHalf), [variable]: text };
    expect(loadConfig({ flags: {}, environment }).config).toMatchObject(expected);
    expect(
      loadConfig({
        flags: {},
        environment: {},
        envFile: Object.entries(environment)
          .map((pair) => pair.join("="))
          .join("\n"),
      }).config,
    ).toMatchObject(expected);
  });

  it.each(byFlags)("takes the flags %s", (line, expected) => {
    expect(configOf(line)).toMatchObject(expected);
  });

  it("accepts the command of its README unchanged", () => {
    const line =
      "--build-watcher-namespace jupyterhub --thoth-api-host user-api.example.com --no-tls-verify --pass-token --no-registry-tls-verify";
    expect(parseArguments(line.split(" "), { version: "0.0.0" })).toMatchObject({ command: "watch" });
    expect(configOf(line)).toMatchObject({
      namespaces: ["jupyterhub"],
      analysisHost: "user-api.example.com",
      noTlsVerify: true,
      passToken: true,
      noSourceTlsVerify: true,
      noDestinationTlsVerify: true,
      verifyClusterTls: true,
    });
  });
});
