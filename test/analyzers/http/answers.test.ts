import { describe, expect, it } from "vitest";
import { answerError, connectionError } from "../../../src/analyzers/http/answers.ts";
import { thothService } from "../../../src/analyzers/service.ts";

const now = Date.parse("2026-11-21T10:00:00Z");

describe("answerError", () => {
  it("walks through no error of megabytes for its words", () => {
    const body = JSON.stringify({ error: "no", padding: "x".repeat(300_000) });
    expect(answerError({ status: 500, body }, thothService, now)?.message).toBe("The analysis endpoint answered 500.");
    expect(answerError({ status: 500, body: '{"error":"no"}' }, thothService, now)?.message).toContain("no");
  });

  it.each([
    [200, "accepted", undefined],
    [202, "accepted", undefined],
    [301, "AnalyzerUnavailable", "pauses"],
    [302, "AnalyzerUnavailable", "pauses"],
    [307, "AnalyzerUnavailable", "pauses"],
    [400, "AnalyzerRejected", "final"],
    [401, "AnalyzerUnavailable", "pauses"],
    [403, "AnalyzerRejected", "final"],
    [404, "AnalyzerRejected", "final"],
    [407, "AnalyzerUnavailable", "pauses"],
    [408, "AnalyzerFailed", "retried alone"],
    [409, "AnalyzerRejected", "final"],
    [413, "AnalyzerRejected", "final"],
    [422, "AnalyzerRejected", "final"],
    [425, "AnalyzerFailed", "retried alone"],
    [429, "AnalyzerUnavailable", "pauses"],
    [500, "AnalyzerFailed", "retried alone"],
    [501, "AnalyzerFailed", "retried alone"],
    [502, "AnalyzerUnavailable", "pauses"],
    [503, "AnalyzerUnavailable", "pauses"],
    [504, "AnalyzerUnavailable", "pauses"],
    [520, "AnalyzerFailed", "retried alone"],
  ])("takes %i as %s", (status, reason, fate) => {
    const error = answerError({ status, body: "" }, thothService, now);
    expect(error?.reason ?? "accepted").toBe(reason);
    expect(error && fateOf(error)).toBe(fate);
  });

  it.each([
    ["17", 17_000],
    ["Sat, 21 Nov 2026 10:01:00 GMT", 60_000],
    [undefined, undefined],
  ])("obeys Retry-After %j", (retryAfter, expected) => {
    expect(answerError({ status: 429, body: "", retryAfter }, thothService, now)?.retryAfter).toBe(expected);
  });

  it("repeats what the service said, but not the parameters it echoes", () => {
    const body = JSON.stringify({ error: "Image not found", parameters: { registry_password: "TOPSECRET" } });
    expect(answerError({ status: 400, body }, thothService, now)?.message).toBe(
      "The analysis endpoint answered 400: Image not found",
    );
  });

  it("reads the errors of the parts of a build analysis", () => {
    const body = JSON.stringify({
      base_image_analysis: { error: "no base", parameters: { error: "x" } },
      output_image_analysis: { error: "no output" },
    });
    expect(answerError({ status: 400, body }, thothService, now)?.message).toContain("no base; no output");
  });

  it("shows no HTML page and no long text", () => {
    expect(answerError({ status: 500, body: "<html>oops</html>" }, thothService, now)?.message).toBe(
      "The analysis endpoint answered 500.",
    );
    expect(
      answerError({ status: 400, body: JSON.stringify({ error: "x".repeat(10_000) }) }, thothService, now)?.message.length,
    ).toBeLessThan(600);
  });

  it("repeats no secret in any spelling, and no start of one where the text is cut", () => {
    const secret = "p@ss word/+1";
    const forms = [secret, encodeURIComponent(secret), "p%40ss+word%2F%2B1", "x".repeat(490) + secret];
    for (const form of forms) {
      const body = JSON.stringify({ error: `cannot use ${form}` });
      expect(answerError({ status: 400, body }, thothService, now, [secret])?.message).not.toMatch(/p@s|p%40|word/);
    }
  });

  it("names only the origin of a redirect, since its query repeats ours", () => {
    const error = answerError(
      { status: 301, body: "", location: "https://elsewhere.example.com/api?registry_password=TOPSECRET" },
      thothService,
      now,
    );
    expect(error?.message).toContain("https://elsewhere.example.com:");
    expect(error?.message).not.toContain("TOPSECRET");
  });
});

describe("connectionError", () => {
  it.each([
    ["ECONNREFUSED", "AnalyzerUnavailable", "THOTH_USER_API_HOST"],
    ["ENOTFOUND", "AnalyzerUnavailable", "THOTH_USER_API_HOST"],
    ["EAI_AGAIN", "AnalyzerUnavailable", "THOTH_USER_API_HOST"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "AnalyzerUnavailable", "NODE_EXTRA_CA_CERTS"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "AnalyzerUnavailable", "THOTH_USER_API_HOST"],
    ["EPROTO", "AnalyzerUnavailable", "http://"],
    [undefined, "AnalyzerUnavailable", "THOTH_USER_API_HOST"],
    ["ECONNABORTED", "AnalyzerFailed", "in time"],
    ["ETIMEDOUT", "AnalyzerFailed", "in time"],
    ["ECONNRESET", "AnalyzerFailed", "broke the connection"],
    ["ERR_BAD_RESPONSE", "AnalyzerProtocol", "more than an answer"],
  ])("takes %s as %s and says what to look at", (code, reason, hint) => {
    const error = connectionError(code, "https://api.example.com/api/v1", thothService);
    expect(error).toMatchObject({ reason, retryable: true });
    expect(error.message).toContain(hint);
  });
});

function fateOf(error: { retryable: boolean; pauses: boolean }): string {
  if (!error.retryable) return "final";
  return error.pauses ? "pauses" : "retried alone";
}
