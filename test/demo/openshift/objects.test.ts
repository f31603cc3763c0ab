import { describe, expect, it } from "vitest";
import { aBuild } from "../../support/fixtures.ts";
import { buildGroup, shopBuilds, startCluster } from "../../support/openshift.ts";

describe("objects", () => {
  it("get a version, a uid and a time, and keep them when they are updated", async () => {
    const { api, list } = await startCluster();
    const bare = { metadata: { name: "a-1", namespace: "shop" }, status: { phase: "New" } };
    api.put("builds", bare);
    const first = (await list(shopBuilds)).items[0];
    api.put("builds", { ...bare, status: { phase: "Running" } });
    const second = (await list(shopBuilds)).items[0];
    expect(first?.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.metadata).toEqual({ ...first?.metadata, resourceVersion: expect.any(String) });
    expect(Number(second?.metadata.resourceVersion)).toBeGreaterThan(Number(first?.metadata.resourceVersion));
  });

  it("are not changed by what the caller does with his own afterwards", async () => {
    const { api, names } = await startCluster();
    const labels: Record<string, string> = { app: "one" };
    api.put("builds", aBuild({ name: "a-1", labels }));
    labels.app = "two";
    expect(await names(`${shopBuilds}?labelSelector=app=one`)).toEqual(["a-1"]);
  });

  it("without a name are refused", async () => {
    const { api } = await startCluster();
    expect(() => api.put("builds", { metadata: { namespace: "shop" } })).toThrow("metadata.name");
  });

  it("are listed over all namespaces in order of namespace and name, with tokens that hold both", async () => {
    const { api, list } = await startCluster();
    for (const [namespace, name] of ["b/x", "a-b/x", "a/z", "a/b"].map((key) => key.split("/"))) {
      api.put("builds", aBuild({ namespace: namespace ?? "", name: name ?? "" }));
    }
    const first = await list(`${buildGroup}/builds?limit=3`);
    const second = await list(`${buildGroup}/builds?limit=3&continue=${first.metadata.continue}`);
    const keys = [...first.items, ...second.items].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(keys).toEqual(["a-b/x", "a/b", "a/z", "b/x"]);
    expect(first.metadata.remainingItemCount).toBe(1);
  });

  it("are shown page by page as they were when the list began", async () => {
    const { api, list, names } = await startCluster();
    for (const name of ["a-1", "b-1", "c-1", "d-1"]) api.put("builds", aBuild({ name, phase: "Running" }));
    const first = await list(`${shopBuilds}?limit=1`);
    api.remove("builds", "shop", "b-1");
    api.put("builds", aBuild({ name: "c-1", phase: "Complete" }));
    api.put("builds", aBuild({ name: "bb-1" }));
    const rest = await list(`${shopBuilds}?continue=${first.metadata.continue}`);
    expect(
      rest.items.map((build) => `${build.metadata.name} ${(build as { status?: { phase: string } }).status?.phase}`),
    ).toEqual(["b-1 Running", "c-1 Running", "d-1 Running"]);
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(await names(shopBuilds)).toEqual(["a-1", "bb-1", "c-1", "d-1"]);
  });

  it("show the registry's public host where it has one", async () => {
    const { api, ask } = await startCluster({ publicRegistry: "registry.apps.example.com" });
    api.put("imagestreams", {
      metadata: { name: "app", namespace: "shop" },
      spec: {},
      status: { dockerImageRepository: "internal/shop/app" },
    });
    const response = await ask("/apis/image.openshift.io/v1/namespaces/shop/imagestreams/app");
    expect(await response.json()).toMatchObject({
      kind: "ImageStream",
      status: { dockerImageRepository: "internal/shop/app", publicDockerImageRepository: "registry.apps.example.com/shop/app" },
    });
  });
});
