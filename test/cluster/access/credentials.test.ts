import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createOpenShiftApi } from "../../../src/demo/openshift-api.ts";
import { aBuild, testCertificates } from "../../support/fixtures.ts";
import { writeKubeconfig } from "../../support/kubeconfig.ts";
import { open, openTestCluster, openWith, startApi, streams, temporaryDirectory, token, watchBuilds } from "../test-cluster.ts";

const signal = new AbortController().signal;
const certificates = testCertificates();
const { ca, server: tls } = certificates;

describe("the ways to authenticate", () => {
  it("take a token", async () => {
    const api = await startApi();
    const { cluster } = await openWith({ server: api.url, token });
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    expect(await cluster.registryLogin(signal)).toEqual({ user: "serviceaccount", password: token });
  });

  it("take a client certificate, which is no login for the registry", async () => {
    const api = await startApi({ tls: { ...tls, ca } });
    const { cert: certificate, key } = certificates.client;
    const { cluster } = await openWith({ server: api.url, ca, certificate, key });
    await streams(cluster);
    expect(api.requests.at(-1)).toMatchObject({ user: "system:admin", status: 200 });
    expect(await cluster.registryLogin(signal)).toBeUndefined();
  });

  it("run a credential plugin, once for many requests, and tell it that nobody can answer its questions", async () => {
    const api = await startApi();
    const directory = await temporaryDirectory();
    const status = `{"status":{"token":"${token}"}}`;
    const script = `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> ${directory}/runs\necho '${status}'\n`;
    await writeFile(join(directory, "plugin"), script, { mode: 0o700 });
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: join(directory, "plugin") };
    const { cluster } = await openWith({ server: api.url, user: { exec } });
    await Promise.all([streams(cluster), streams(cluster), cluster.registryLogin(signal)]);
    const runs = (await readFile(join(directory, "runs"), "utf8")).trim().split("\n");
    expect(runs.map((run) => JSON.parse(run))).toEqual([
      { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", spec: { interactive: false } },
    ]);
  });

  it("run a credential plugin beside the kubeconfig, which is told of the cluster where it asks for that", async () => {
    const extension = { audience: "shop" };
    const extensions = [{ name: "client.authentication.k8s.io/exec", extension }];
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "bin/plugin", provideClusterInfo: true };
    const api = await startApi({ tls });
    const cluster = { "certificate-authority": "ca.crt", extensions };
    const { directory, environment, remove } = await writeKubeconfig({ server: api.url, user: { exec }, cluster });
    onTestFinished(remove);
    await writeFile(join(directory, "ca.crt"), ca);
    await mkdir(join(directory, "bin"));
    const status = `{"status":{"token":"${token}"}}`;
    const script = `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >${directory}/told\necho '${status}'\n`;
    await writeFile(join(directory, "bin", "plugin"), script, { mode: 0o700 });
    expect(await streams(await open({ environment }))).toEqual(["golang-builder/app"]);
    expect(JSON.parse(await readFile(join(directory, "told"), "utf8")).spec.cluster).toEqual({
      server: api.url,
      "certificate-authority-data": Buffer.from(ca).toString("base64"),
      config: extension,
    });
  });

  it("say when a credential plugin fails, without what it printed", async () => {
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "echo", args: ["sha256~secret"] };
    const { cluster } = await openWith({ server: "http://127.0.0.1:1", user: { exec } });
    await expect(streams(cluster)).rejects.toThrow(/credentials of the kubeconfig cannot be used.*printed no JSON.*oc login/);
    await expect(streams(cluster)).rejects.not.toThrow(/secret/);
  });

  it("read a token file next to the kubeconfig whenever they need it", async () => {
    const api = await startApi({ tokens: { first: "developer", second: "developer" } });
    const { cluster, file } = await openWith({ server: api.url, user: { tokenFile: "token", token: "stale" } });
    await writeFile(join(file.directory, "token"), "first\n");
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    await writeFile(join(file.directory, "token"), "second\n");
    expect(await cluster.registryLogin(signal)).toMatchObject({ password: "second" });
  });

  it("find a pod's service account, its namespace and its CA", async () => {
    const api = await startApi({ tls });
    const directory = await temporaryDirectory();
    const account = { token: `${token}\n`, namespace: "golang-builder\n", "ca.crt": ca };
    for (const [name, text] of Object.entries(account)) await writeFile(join(directory, name), text);
    const { hostname, port } = new URL(api.url);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, HOME: "/nonexistent" };
    const cluster = await open({ environment, serviceAccountDirectory: directory });
    expect(cluster.namespaces).toEqual(["golang-builder"]);
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    expect(await cluster.registryLogin(signal)).toMatchObject({ password: token });
  });

  it("reach a given URL without any configuration", async () => {
    const api = createOpenShiftApi();
    await api.listen();
    onTestFinished(() => api.close());
    const cluster = await open({ url: api.url, namespaces: ["shop"] });
    expect(await streams(cluster)).toEqual([]);
    expect(api.requests).toHaveLength(1);
  });
});

describe("credentials that are refused", () => {
  it("are read again: a running watch goes on after oc login", async () => {
    const { api, cluster, kubeconfig: file } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    api.setTokens({ fresh: "developer" });
    api.closeWatches("clean");
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]).toMatchObject({ reason: "Unauthorized", message: expect.stringContaining("oc login") });
    expect(sightings.troubles()[0]?.message).not.toContain(token);
    await file.rewrite({ server: api.url, token: "fresh" });
    api.put("builds", aBuild({ namespace: "golang-builder", name: "app-1" }));
    await sightings.until((its) => its.builds().length === 1);
  });

  it("are read from a rotated file without anybody noticing", async () => {
    const { api, cluster, kubeconfig: file } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    await file.rewrite({ server: api.url, token: "fresh" });
    api.setTokens({ fresh: "developer" });
    api.closeWatches("clean");
    await api.waitFor(() => api.openWatches === 1 && api.requests.length === 3);
    expect(sightings.troubles()).toEqual([]);
  });

  it("are asked for anew of a plugin whose token expired early", async () => {
    const api = await startApi({ tokens: { "token-2": "developer" } });
    const directory = await temporaryDirectory();
    const count = `echo x >> ${directory}/runs; echo "{\\"status\\":{\\"token\\":\\"token-$(wc -l < ${directory}/runs | tr -d ' ')\\"}}"`;
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "sh", args: ["-c", count] };
    const { cluster } = await openWith({ server: api.url, user: { exec } });
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    expect(api.requests.map(({ status }) => status)).toEqual([401, 200]);
  });

  it("of another cluster, to which somebody logged in meanwhile, are not used", async () => {
    const { api, cluster, kubeconfig: file } = await openTestCluster();
    const elsewhere = await startApi();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    await file.rewrite({ server: elsewhere.url, token });
    api.closeWatches("clean");
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]?.message).toContain(`no longer has a context for ${api.url}: run oc login there`);
    expect(elsewhere.requests).toEqual([]);
    await file.rewrite({ server: api.url, token });
    await api.waitFor(() => api.openWatches === 1);
  });

  it("do not stop a watch while their file is missing", async () => {
    const { api, cluster, kubeconfig: file } = await openTestCluster();
    const sightings = watchBuilds(cluster);
    await api.waitFor(() => api.openWatches === 1);
    await rm(file.path);
    api.closeWatches("clean");
    await sightings.until((its) => its.troubles().length > 1);
    expect(sightings.troubles()[0]?.message).toMatch(/does not exist.*KUBECONFIG/);
    await file.rewrite({ server: api.url, token });
    await api.waitFor(() => api.openWatches === 1);
  });
});
