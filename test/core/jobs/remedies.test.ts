import { describe, expect, it } from "vitest";
import { type FailureReason, failureReasons } from "../../../src/core/jobs/errors.ts";
import { remedyFor, remedyOnce } from "../../../src/core/jobs/remedies.ts";

const hour = 3_600_000;

describe("what to do about a job that was given up", () => {
  it.each(Object.keys(failureReasons) as FailureReason[])("says so, and no longer that it is retried: %s", (reason) => {
    const words = remedyFor({ reason, givenUpAfter: 72 * hour });
    expect(words).toMatch(/Given up after 72 h\..*build-watcher jobs retry/);
    expect(words).not.toMatch(/automatically|by itself|tried again/);
  });

  it.each(Object.keys(failureReasons) as FailureReason[])("promises no retry where a command ends: %s", (reason) => {
    const words = remedyOnce({ reason, host: "push.example.com" }, "push.example.com/mirror");
    expect(words).not.toBe("");
    expect(words).not.toMatch(/automatically|by itself|tried again/);
  });

  it("keeps the advice of a job that is still tried as it is", () => {
    expect(remedyFor({ reason: "RegistryUnavailable" })).toBe(failureReasons.RegistryUnavailable.remedy);
  });

  it("says for a host name of the cluster that it works only inside", () => {
    const host = "image-registry.openshift-image-registry.svc:5000";
    expect(remedyFor({ reason: "RegistryUnavailable", host })).toContain("BUILD_WATCHER_REGISTRY_ROUTE");
    expect(remedyFor({ reason: "RegistryUnavailable", host: "svc.example.com" })).not.toContain("BUILD_WATCHER_REGISTRY_ROUTE");
  });
});
