import { readFileSync, writeFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ClusterSettings } from "../../../src/cluster/settings.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { internalRegistry, testCertificates } from "../../support/fixtures.ts";
import { open, startApi, streams, temporaryDirectory, token } from "../test-cluster.ts";

const { ca, server: tls } = testCertificates();

async function openInPod(files: Readonly<Record<string, string>>, settings: Partial<ClusterSettings> = {}, variables = {}) {
  const api = await startApi({ tls });
  const directory = await temporaryDirectory();
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const { hostname, port } = new URL(api.url);
  const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, HOME: "/nonexistent", ...variables };
  const cluster = await open({ environment, serviceAccountDirectory: directory, ...settings });
  return { api, cluster, directory };
}

const account = { token: `${token}\n`, namespace: "golang-builder\n", "ca.crt": ca };

describe("a pod's service account", () => {
  it("is read anew for every request, as the token in it is rotated", async () => {
    const { api, cluster, directory } = await openInPod(account);
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    api.setTokens({ rotated: "developer" });
    await writeFile(join(directory, "token"), "rotated");
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
  });

  it("whose CA is missing says so, unless certificates are not verified", async () => {
    const { "ca.crt": _, ...rest } = account;
    const { cluster } = await openInPod(rest);
    await expect(streams(cluster)).rejects.toThrow(/The CA certificate .*ca\.crt cannot be read \(ENOENT\)/);
    const careless = await openInPod(rest, { verifyTls: false });
    expect(await streams(careless.cluster)).toEqual(["golang-builder/app"]);
  });

  it("whose token vanishes says so", async () => {
    const { cluster, directory } = await openInPod(account);
    await rm(join(directory, "token"));
    await expect(streams(cluster)).rejects.toThrow(/run oc login|The token file/);
  });
});

const sources = fileURLToPath(new URL("../../../src/", import.meta.url));

describe("the bot in a pod", () => {
  it.each([
    ["by their internal host", undefined, internalRegistry],
    ["by the public host that the operator named", "registry.apps.example.com", "registry.apps.example.com"],
  ])("names images of the cluster's registry %s", async (_, registryRoute, registry) => {
    const { cluster } = await openInPod(account, { registryRoute });
    const image = parseImageReference(`${internalRegistry}/golang-builder/app:1`);
    expect(await cluster.externalImage(image, new AbortController().signal)).toEqual({ ...image, registry });
  });

  it.each<[string, (write: (name: string, text: string) => string) => string]>([
    ["is /dev/null", () => "/dev/null"],
    ["is empty", (write) => write("empty", "")],
    ["holds comments", (write) => write("comments", "# nothing here\n---\n")],
    ["holds null", (write) => write("null", "null\n")],
    ["holds {}", (write) => write("object", "{}")],
    [
      "holds what kubectl leaves",
      (write) => write("left", "apiVersion: v1\nkind: Config\nclusters: null\ncurrent-context: ''\nusers: []\n"),
    ],
    ["is two empty files", (write) => [write("one", ""), write("two", "{}")].join(delimiter)],
  ])("uses its service account where KUBECONFIG %s", async (_, name) => {
    const directory = await temporaryDirectory();
    const write = (file: string, text: string) => {
      writeFileSync(join(directory, file), text);
      return join(directory, file);
    };
    const { cluster } = await openInPod(account, {}, { KUBECONFIG: name(write) });
    expect(cluster.namespaces).toEqual(["golang-builder"]);
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
  });

  it("loads no large library that it does not need: a kubeconfig's client, what formats lines for people, all of undici", () => {
    const seen = new Set<string>();
    const libraries = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(file, "utf8");
      for (const [, target = ""] of source.matchAll(/^(?:import|export) (?!type\b)[^"';]*?from "([^"]+)"/gm)) {
        if (target.startsWith(".")) visit(join(dirname(file), target));
        else libraries.add(target);
      }
    };
    for (const start of ["cli/run.ts", "cli/commands/watch.ts"]) visit(join(sources, start));
    expect([...libraries]).toEqual(expect.arrayContaining(["pino", "axios"]));
    for (const unneeded of ["@kubernetes/client-node", "pino-pretty", "undici", "pg"]) {
      expect([...libraries]).not.toContain(unneeded);
    }
    expect([...seen].filter((file) => /cli\/(?:check|commands)\/(?!token|watch|scan)/.test(file))).toEqual([]);
  });
});
