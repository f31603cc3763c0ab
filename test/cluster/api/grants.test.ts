import { describe, expect, it } from "vitest";
import { grantAdvice } from "../../../src/cluster/api/grants.ts";
import { recorded } from "../../support/fixtures.ts";

const access = { verb: "list", resource: "builds", namespace: "golang-builder" } as const;
const message = (user: string, verb = "list") =>
  `builds.build.openshift.io is forbidden: User "${user}" cannot ${verb} resource "builds" in API group "build.openshift.io" in the namespace "x"`;

describe("the advice after a 403", () => {
  it("names verb, resource and namespace of the recorded answer and the command for its service account", () => {
    const { message: said } = recorded<{ message: string }>("status-403-watch.json");
    const advice = grantAdvice(access, said);
    expect(advice).toContain("cannot watch builds in namespace golang-builder");
    expect(advice).toContain("oc policy add-role-to-user view -z nobody -n golang-builder");
  });

  it.each([
    ["jane", "golang-builder", "oc policy add-role-to-user view jane -n golang-builder"],
    ["system:serviceaccount:bots:watcher", "shop", "oc policy add-role-to-user view system:serviceaccount:bots:watcher -n shop"],
    [
      "system:serviceaccount:bots:watcher",
      undefined,
      "oc adm policy add-cluster-role-to-user view system:serviceaccount:bots:watcher",
    ],
    ["jane", undefined, "oc adm policy add-cluster-role-to-user view jane"],
  ])("grants %s in %s", (user, namespace, command) => {
    expect(grantAdvice({ ...access, namespace }, message(user))).toMatch(new RegExp(`${command}$`));
  });

  it("names the template where the role view is not enough, or a role of its own for a person", () => {
    const kpack = { ...access, resource: "builds.kpack.io", group: "kpack.io", template: "rbac-kpack" };
    expect(grantAdvice(kpack, message("system:serviceaccount:bots:build-watcher"))).toMatch(
      /Grant it: oc process --local -f openshift\/rbac-kpack\.yaml -p NAMESPACE=bots -p THOTH_WATCHED_NAMESPACE=golang-builder \| oc apply -f -$/,
    );
    expect(grantAdvice(kpack, message("jane"))).toContain("--verb=list --resource=builds.kpack.io -n golang-builder &&");
  });

  it("asks an anonymous bot to log in rather than to grant everybody the role", () => {
    const advice = grantAdvice(access, message("system:anonymous"));
    expect(advice).toContain("oc login");
    expect(advice).not.toContain("add-role-to-user");
  });

  it("knows what was asked when the answer does not say", () => {
    const advice = grantAdvice({ ...access, verb: "get", resource: "builds/log" }, "Forbidden");
    expect(advice).toContain("cannot get builds/log in namespace golang-builder");
    expect(advice).toContain('oc policy add-role-to-user view "$(oc whoami)" -n golang-builder');
  });
});
