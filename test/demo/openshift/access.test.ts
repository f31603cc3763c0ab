import { request } from "node:https";
import { json } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { testCertificates } from "../../support/fixtures.ts";
import { buildGroup, shopBuilds, startCluster } from "../../support/openshift.ts";

describe("access", () => {
  const viewer = "system:serviceaccount:shop:bot";
  const viewShop = {
    user: viewer,
    verbs: ["get", "list"],
    apiGroups: ["build.openshift.io"],
    resources: ["builds", "builds/log"],
    namespaces: ["shop"],
  };

  function as(token: string | undefined): RequestInit {
    return { headers: token ? { authorization: `Bearer ${token}` } : {} };
  }

  it.each([
    [shopBuilds, 200, undefined],
    [`${shopBuilds}?watch=true`, 403, 'cannot watch resource "builds" in API group "build.openshift.io" in the namespace "shop"'],
    [`${buildGroup}/builds`, 403, 'cannot list resource "builds" in API group "build.openshift.io" at the cluster scope'],
    [`${buildGroup}/namespaces/other/builds`, 403, 'in the namespace "other"'],
    [
      `${buildGroup}/namespaces/other/builds/a/log`,
      403,
      'builds.build.openshift.io "a" is forbidden: User "system:serviceaccount:shop:bot"',
    ],
    ["/apis/image.openshift.io/v1/namespaces/shop/imagestreams", 403, 'cannot list resource "imagestreams"'],
  ])("by rules: %s is answered with %i", async (path, status, message) => {
    const { ask } = await startCluster({ tokens: { secret: viewer }, rules: [viewShop] });
    const response = await ask(path, as("secret"));
    expect(response.status).toBe(status);
    if (message) expect(await response.json()).toMatchObject({ message: expect.stringContaining(message) });
  });

  it("without a token is that of system:anonymous", async () => {
    const { ask } = await startCluster({ tokens: { secret: viewer } });
    const response = await ask(shopBuilds);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ message: expect.stringContaining('User "system:anonymous"') });
    expect((await ask(buildGroup)).status).toBe(403);
    expect((await ask("/version")).status).toBe(200);
  });

  it("changes with tokens and rules while it runs", async () => {
    const { api, ask } = await startCluster({ tokens: { old: viewer } });
    api.setTokens({ new: viewer });
    expect((await ask(shopBuilds, as("old"))).status).toBe(401);
    expect((await ask(shopBuilds, as("new"))).status).toBe(200);
    api.setRules([]);
    expect((await ask(shopBuilds, as("new"))).status).toBe(403);
    api.setTokens(undefined);
    api.setRules(undefined);
    expect((await ask(shopBuilds)).status).toBe(200);
  });

  it.each([
    [{ namespace: "shop", verb: "list", group: "build.openshift.io", resource: "builds" }, true],
    [{ namespace: "shop", verb: "get", group: "build.openshift.io", resource: "builds", subresource: "log" }, true],
    [{ namespace: "shop", verb: "watch", group: "build.openshift.io", resource: "builds" }, false],
    [{ verb: "list", group: "build.openshift.io", resource: "builds" }, false],
  ])("is reviewed: %j is %s", async (resourceAttributes, allowed) => {
    const { ask } = await startCluster({ tokens: { secret: viewer }, rules: [viewShop] });
    const body = JSON.stringify({ spec: { resourceAttributes } });
    const response = await ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      ...as("secret"),
      method: "POST",
      body,
    });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes },
      status: { allowed },
    });
  });

  it("tells who one is", async () => {
    const { ask } = await startCluster({ tokens: { secret: viewer } });
    const user = await (await ask("/apis/user.openshift.io/v1/users/~", as("secret"))).json();
    const review = await ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      ...as("secret"),
      method: "POST",
      body: "{}",
    });
    expect(user).toMatchObject({ kind: "User", metadata: { name: viewer } });
    expect(await review.json()).toMatchObject({ status: { userInfo: { username: viewer } } });
  });

  it("tells which resources there are", async () => {
    const { ask } = await startCluster();
    const resources = async (path: string) =>
      ((await (await ask(path)).json()) as { resources: { name: string }[] }).resources.map(({ name }) => name);
    expect(await resources(buildGroup)).toEqual(["builds", "builds/log"]);
    expect(await resources("/apis/image.openshift.io/v1")).toEqual(["imagestreams"]);
  });
});

describe("over TLS", () => {
  const { ca, server, client } = testCertificates();

  /** Who the cluster says one is, over a connection of its own. */
  function whoAmI(url: string, certificate: { cert?: string; key?: string } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(`${url}/apis/user.openshift.io/v1/users/~`, { ca, ...certificate, agent: false }, (response) => {
        json(response).then((user) => resolve((user as { metadata: { name: string } }).metadata.name), reject);
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  it("a client certificate of its authority names the user", async () => {
    const { api } = await startCluster({ user: "developer", tls: { ...server, ca } });
    expect(api.url).toMatch(/^https:/);
    expect(await whoAmI(api.url, client)).toBe("system:admin");
    expect(await whoAmI(api.url)).toBe("developer");
  });

  it("connections are reset like any other", async () => {
    const { api } = await startCluster({ tls: server });
    api.fail("any", "reset");
    await expect(whoAmI(api.url)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await whoAmI(api.url)).toBe("developer");
  });
});
