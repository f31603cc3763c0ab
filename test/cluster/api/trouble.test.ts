import { describe, expect, it } from "vitest";
import { errorOfAnswer } from "../../../src/cluster/api/api-error.ts";
import { asClusterError, judge } from "../../../src/cluster/api/trouble.ts";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { recordedText } from "../../support/fixtures.ts";

const access = { verb: "list", resource: "builds", namespace: "golang-builder" } as const;
const answer = (status: number, body: string, retryAfter?: string) => errorOfAnswer(status, retryAfter, body, 0);

describe("what a failure means for a watch", () => {
  it.each([
    [401, "status-401.json", "Unauthorized", "holds", "backoff"],
    [403, "status-403-builds.json", "Forbidden", "holds", "slow"],
    [404, "status-404-build.json", "NotServed", "holds", "slow"],
    [410, "status-410-list-continue.json", "Expired", "lost", "at-once"],
    [504, "status-504-future-rv.json", "Expired", "lost", "backoff"],
  ])("is told by the recorded answer %i %s", (status, file, reason, position, pace) => {
    expect(judge(answer(status, recordedText(file)), access)).toMatchObject({ reason, position, pace });
  });

  it.each([
    [404, "404 page not found", "NotServed", "slow"],
    [400, "", "Unavailable", "slow"],
    [408, "", "Unavailable", "backoff"],
    [429, "", "Unavailable", "backoff"],
    [500, "<html>\nsecret page", "Unavailable", "backoff"],
    [302, "", "Unavailable", "backoff"],
  ])("is told by the answer %i %j", (status, body, reason, pace) => {
    expect(judge(answer(status, body), access)).toMatchObject({ reason, pace, position: "holds" });
  });

  it.each([
    ["the header in seconds", answer(503, "", "3"), 3000],
    ["the header as a date", answer(503, "", new Date(5000).toUTCString()), 5000],
    ["the Status", answer(504, recordedText("status-504-future-rv.json")), 1000],
    ["neither", answer(503, ""), undefined],
  ])("has the pause the server asks for in %s", (_, error, pause) => {
    expect(judge(error, access).retryAfter).toBe(pause);
  });

  it("is one line, however long a page the answer was", () => {
    const { message } = judge(answer(502, `${"<html>".repeat(1000)}\n<body>`), access);
    expect(message).not.toContain("\n");
    expect(message.length).toBeLessThan(600);
  });

  it("is that of credentials when they cannot be read", () => {
    expect(judge(new JobError("ClusterUnavailable", "run oc login"), access)).toMatchObject({
      reason: "Unauthorized",
      message: "run oc login",
    });
  });

  it("is an outage when nobody knows", () => {
    expect(judge("odd", access)).toMatchObject({ reason: "Unavailable", message: "odd", pace: "backoff" });
  });
});

it("a failure means for a job that the cluster is not available, with the same advice", () => {
  const error = asClusterError(answer(503, "", "3"), access);
  expect(error).toMatchObject({ reason: "ClusterUnavailable", retryable: true, retryAfter: 3000 });
  expect(error.message).toBe(judge(answer(503, "", "3"), access).message);
});
