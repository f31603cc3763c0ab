import { describe, expect, it } from "vitest";
import { redact } from "../../src/core/redact.ts";

describe("redact", () => {
  it.each([
    ["Get https://me:TOPSECRET@quay.io/v2/", "Get https://***@quay.io/v2/"],
    ["git://me:TOP@SECRET@host/x", "git://***@host/x"],
    ["Authorization: Basic bWU6VE9QU0VDUkVU", "Authorization: Basic ***"],
    ["token?access_token=TOPSECRET&scope=a", "token?access_token=***&scope=a"],
    ["x?client_secret=TOPSECRET", "x?client_secret=***"],
    ['{"token": "TOPSECRET", "x": "y"}', '{"token": "***", "x": "y"}'],
    ["contact me@example.com", "contact me@example.com"],
  ])("makes %j to %j", (text, shown) => expect(redact(text, [])).toBe(shown));

  it.each([
    ["info", "more information: user:info@host, info", "more information: user:***@host, ***"],
    ["a", "denied for a user: a=b, user:a", "denied for a user: a=b, user:***"],
    ["info", "password%3Dinfo%26x", "password%3D***%26x"],
    ["s3cr3tvalue", "xs3cr3tvaluex", "x***x"],
    ["pass", "GET /?p=pass", "GET /?p=***"],
  ])("takes the secret %j out of %j", (secret, text, shown) => expect(redact(text, [secret])).toBe(shown));

  it("leaves no part of a secret where a long text is cut", () => {
    const secret = "0123456789".repeat(20);
    for (let start = 7_790; start < 8_010; start += 7) {
      const shown = redact(`${"x".repeat(start)}-${secret} and more`, [secret]);
      expect(shown).not.toContain("0123");
    }
    expect(redact(`${"x".repeat(7_950)} https://me:${"p".repeat(300)}@host`, [])).toMatch(/ https:\/\/\*\*\*$/);
  });

  it("looks at the beginning of a text only, however long it is", () => {
    expect(redact("a".repeat(16 * 1024 * 1024), ["secret"]).length).toBeLessThan(10_000);
  });
});
