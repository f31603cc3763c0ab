import { describe, expect, it, onTestFinished } from "vitest";
import { builds } from "../../src/cluster/api/paths.ts";
import { loginCommand, openClusterProbe } from "../../src/cluster/probe.ts";
import { writeKubeconfig } from "../support/kubeconfig.ts";
import { rights } from "../support/roles.ts";
import { startApi, token } from "./test-cluster.ts";

const signal = new AbortController().signal;

async function openProbe(namespaces: readonly string[] = []) {
  const api = await startApi();
  const { environment, remove } = await writeKubeconfig({ server: api.url, token });
  onTestFinished(remove);
  const probe = await openClusterProbe({ namespaces, verifyTls: true, watchTimeout: 1000, environment });
  onTestFinished(() => probe.close());
  return { api, probe };
}

describe("the name the cluster knows the bot by", () => {
  it("is that of OpenShift's user", async () => {
    const { probe } = await openProbe();
    expect(await probe.user(signal)).toBe("developer");
  });

  it.each([403, 404])("is asked of Kubernetes where OpenShift's users are answered with %i", async (status) => {
    const { api, probe } = await openProbe();
    api.fail("identity", { status });
    expect(await probe.user(signal)).toBe("developer");
    expect(api.requests.at(-1)).toMatchObject({ method: "POST", path: "/apis/authentication.k8s.io/v1/selfsubjectreviews" });
  });

  it("is not guessed when the cluster refuses the credentials", async () => {
    const { api, probe } = await openProbe();
    api.setTokens({});
    await expect(probe.user(signal)).rejects.toThrow(/does not accept the bot's credentials/);
  });
});

describe("what the cluster serves", () => {
  it.each([
    ["builds", "build.openshift.io", true],
    ["imagestreams", "image.openshift.io", true],
    ["quokkas", "build.openshift.io", false],
  ] as const)("%s of %s: %s", async (resource, group, served) => {
    const { probe } = await openProbe();
    expect(await probe.serves({ group, version: "v1", plural: resource }, signal)).toBe(served);
  });

  it("is nothing where the group is not there, and unknown where it is broken", async () => {
    const { api, probe } = await openProbe();
    api.fail("any", { status: 404 });
    expect(await probe.serves(builds, signal)).toBe(false);
    api.fail("any", { status: 503 });
    await expect(probe.serves(builds, signal)).rejects.toThrow(/cannot serve builds.*oc get clusteroperators/);
  });
});

describe("a right", () => {
  it("is asked for by a review that names group, resource, subresource, verb and namespace", async () => {
    const { api, probe } = await openProbe(["shop"]);
    api.setRules([
      { user: "developer", verbs: ["get"], apiGroups: ["build.openshift.io"], resources: ["builds/log"], namespaces: ["shop"] },
    ]);
    const answers = await Promise.all(rights.map((right) => probe.may(right, "shop", signal)));
    expect(rights.filter((_, index) => answers[index]).map(({ resource }) => resource)).toEqual(["builds/log"]);
    expect(await Promise.all(rights.map((right) => probe.may(right, undefined, signal)))).not.toContain(true);
  });
});

describe("the command to log in", () => {
  it.each([
    ["https://api.example.com:6443", new Error("x"), "oc login https://api.example.com:6443"],
    [undefined, new Error("x"), "oc login <URL of the API server>"],
    [
      "https://api.example.com:6443",
      new Error("it has a certificate that is not trusted (X)"),
      "oc login https://api.example.com:6443 --certificate-authority=<file of the CA>",
    ],
  ])("for %s after %s", (server, error, command) => {
    expect(loginCommand(server, error)).toBe(command);
  });
});
