import { describe, expect, it } from "vitest";
import { aBuild } from "../../support/fixtures.ts";
import { shopBuilds, startCluster } from "../../support/openshift.ts";

describe("queries", () => {
  it.each([
    ["labelSelector=team=red", ["one-1"]],
    ["labelSelector=team!=red", ["three-1", "two-1"]],
    ["labelSelector=team%20in%20(red,blue)", ["one-1", "two-1"]],
    ["labelSelector=team%20notin%20(red,blue)", ["three-1"]],
    ["labelSelector=team,tier", ["two-1"]],
    ["labelSelector=!team", ["three-1"]],
    ["fieldSelector=status=Complete", ["one-1", "three-1"]],
    ["fieldSelector=status!=Complete", ["two-1"]],
    ["fieldSelector=metadata.name=two-1", ["two-1"]],
    ["fieldSelector=podName=one-1-build", ["one-1"]],
    ["fieldSelector=status=Complete&labelSelector=team", ["one-1"]],
    ["fieldSelector=status=Complete&limit=1", ["one-1"]],
    ["limit=2&resourceVersion=0", ["two-1", "three-1", "one-1"]],
  ])("%s choose %j", async (query, expected) => {
    const { api, names } = await startCluster();
    api.put("builds", aBuild({ name: "one-1", labels: { team: "red" } }));
    api.put("builds", aBuild({ name: "two-1", labels: { team: "blue", tier: "front" }, phase: "Running" }));
    api.put("builds", aBuild({ name: "three-1" }));
    expect(await names(`${shopBuilds}?${query}`)).toEqual(expected);
  });

  it.each([
    ["fieldSelector=spec.color=red", 400, "not a known field selector"],
    ["fieldSelector=nonsense", 400, "invalid selector"],
    ["labelSelector=a=b=c", 400, "unable to parse requirement"],
    ["limit=many", 400, "invalid syntax"],
    ["continue=nonsense", 400, "continue key is not valid"],
    ["resourceVersion=new", 400, "invalid resource version"],
    ["resourceVersion=3&resourceVersionMatch=Exact", 410, "too old"],
    ["resourceVersionMatch=Exact", 400, "resourceVersionMatch is forbidden"],
    ["watch=true&labelSelector=a=b=c", 400, "unable to parse requirement"],
  ])("%s are refused with %i", async (query, status, message) => {
    const { ask } = await startCluster();
    const response = await ask(`${shopBuilds}?${query}`);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ kind: "Status", code: status, message: expect.stringContaining(message) });
  });

  it.each([
    ["GET", "/apis/build.openshift.io/v1/namespaces/shop/buildconfigs", 404],
    ["GET", `${shopBuilds}/app-1/details`, 404],
    ["GET", "/apis/unknown.io/v1", 404],
    ["DELETE", `${shopBuilds}/app-1`, 405],
    ["POST", shopBuilds, 405],
    ["GET", "//", 404],
  ])("%s %s is answered with %i", async (method, path, status) => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild());
    expect((await ask(path, { method })).status).toBe(status);
  });
});
