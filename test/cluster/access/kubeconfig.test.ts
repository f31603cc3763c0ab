import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCluster } from "../../../src/app/opening/open-cluster.ts";
import type { ClusterSettings } from "../../../src/cluster/settings.ts";
import { kubeconfig } from "../../support/kubeconfig.ts";
import { open, openWith, startApi, streams, temporaryDirectory, token } from "../test-cluster.ts";

const usual = { namespaces: [], verifyTls: true, watchTimeout: 60_000, environment: {} } satisfies ClusterSettings;

describe("the kubeconfig", () => {
  const message = async (settings: Partial<ClusterSettings>) =>
    openCluster({ ...usual, serviceAccountDirectory: "/nonexistent", ...settings }).then(
      () => "opened",
      (error) => `${error.reason}: ${error.message}`,
    );

  it("that nobody has is told with what to do", async () => {
    const said = await message({ environment: { HOME: "/nonexistent" } });
    expect(said).toMatch(/^ClusterUnavailable: .*run oc login, or set KUBECONFIG or KUBERNETES_API_URL/);
  });

  it("that is named but missing is told with its path", async () => {
    const said = await message({ environment: { KUBECONFIG: "/nonexistent/config" } });
    expect(said).toMatch(/^ClusterUnavailable: .*\/nonexistent\/config does not exist.*KUBECONFIG/);
  });

  it.each([
    ["no YAML", "users: [{name: u, user: {token: sha256~secret\n", /cannot be read/],
    ["empty", "", /no current context.*oc login/],
    ["comments only", "# nothing\n---\n", /no current context.*oc login/],
    ["a list", "[]", /no current context.*oc login/],
    ["without current context", JSON.stringify({ clusters: [] }), /no current context/],
    ["without server", JSON.stringify({ ...kubeconfig({ server: "" }) }), /no valid server URL/],
  ])("that is %s is told without its contents", async (_, text, expected) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "config"), text);
    const said = await message({ environment: { KUBECONFIG: join(directory, "config") } });
    expect(said).toMatch(expected);
    expect(said).not.toContain("secret");
  });

  it("lies in the home directory when none is named", async () => {
    const api = await startApi();
    const directory = await temporaryDirectory();
    await mkdir(join(directory, ".kube"));
    await writeFile(
      join(directory, ".kube", "config"),
      JSON.stringify(kubeconfig({ server: api.url, token, namespace: "mine" })),
    );
    const cluster = await open({ environment: { HOME: directory } });
    expect(cluster.namespaces).toEqual(["mine"]);
  });

  it("may be spread over several files, of which some are missing or empty", async () => {
    const api = await startApi();
    const directory = await temporaryDirectory();
    const whole = kubeconfig({ server: api.url, token }) as { contexts: unknown; users: unknown; clusters: unknown };
    const parts = {
      a: { "current-context": "context", contexts: whole.contexts },
      b: { users: whole.users, clusters: whole.clusters },
    };
    for (const [name, part] of Object.entries(parts)) await writeFile(join(directory, name), JSON.stringify(part));
    await writeFile(join(directory, "empty"), "");
    const paths = ["empty", "a", "missing", "b"].map((name) => join(directory, name));
    const cluster = await open({ environment: { KUBECONFIG: paths.join(":") } });
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
  });

  it("keeps its context for the bot when its user turns to another project of another cluster", async () => {
    const api = await startApi();
    const { cluster, file } = await openWith({ server: api.url, token });
    const ours = kubeconfig({ server: api.url, token }) as Record<"clusters" | "users" | "contexts", object[]>;
    const config = {
      clusters: [...ours.clusters, { name: "other", cluster: { server: "http://other.invalid" } }],
      users: ours.users,
      contexts: [...ours.contexts, { name: "other", context: { cluster: "other", user: "developer" } }],
      "current-context": "other",
    };
    await writeFile(file.path, JSON.stringify(config));
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
  });
});
