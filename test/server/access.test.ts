import { describe, expect, it } from "vitest";
import { type AccessSettings, type Caller, mayPressButtons, refuseChange, refuseReading } from "../../src/server/access.ts";

const near = "127.0.0.1";
const far = "10.128.3.7";
const open: AccessSettings = { apiToken: undefined, publicUrl: undefined };
const guarded: AccessSettings = { apiToken: "s3cret", publicUrl: undefined };
const proxied: AccessSettings = { apiToken: undefined, publicUrl: "https://watcher.example.com" };

function caller(facts: Partial<Caller>): Caller {
  return { peer: near, host: "localhost:8080", origin: undefined, fetchSite: undefined, authorization: undefined, ...facts };
}

describe("reading", () => {
  it.each([
    ["localhost", {}, open],
    ["an address", { host: "127.0.0.1:8080" }, open],
    ["an IPv6 address", { peer: "::1", host: "[::1]:8080" }, open],
    ["a mapped address", { peer: "::ffff:127.0.0.1", host: "127.0.0.1" }, open],
    ["the public URL, through a proxy beside the bot", { host: "watcher.example.com" }, proxied],
    ["any name from elsewhere", { peer: far, host: "build-watcher.ns.svc:8080" }, open],
  ])("is allowed by %s", (_name, facts, settings) => {
    expect(refuseReading(caller(facts), settings)).toBeUndefined();
  });

  it.each([
    ["another name", { host: "evil.example:8080" }, open],
    ["a name that looks like an address", { host: "127.0.0.1.evil.example" }, open],
    ["a name that ends like localhost", { host: "evil-localhost" }, open],
    ["no name", { host: undefined }, open],
    ["another name than the public URL's", { host: "evil.example" }, proxied],
  ])("is refused from this machine by %s", (_name, facts, settings) => {
    expect(refuseReading(caller(facts), settings)).toMatchObject({
      status: 421,
      message: expect.stringContaining("BUILD_WATCHER_PUBLIC_URL"),
    });
  });
});

const page = { origin: "http://localhost:8080", fetchSite: "same-origin" };

describe("changing", () => {
  it.each([
    ["the page on this machine", page, open],
    ["the page in a browser that tells no fetch metadata", { origin: "http://localhost:8080" }, open],
    ["a program on this machine", {}, open],
    [
      "the page through a proxy",
      { host: "watcher.example.com", origin: "https://watcher.example.com", fetchSite: "same-origin" },
      proxied,
    ],
    [
      "the page through a proxy that renames the host",
      { host: "127.0.0.1:8080", origin: "https://watcher.example.com" },
      proxied,
    ],
    ["the page where there is a token", page, guarded],
    ["a program with the token", { authorization: "Bearer s3cret" }, guarded],
    ["a program with the token from elsewhere", { peer: far, host: "watcher", authorization: "bearer  s3cret" }, guarded],
  ])("is allowed to %s", (_name, facts, settings) => {
    expect(refuseChange(caller(facts), settings)).toBeUndefined();
  });

  it.each([
    ["a page of another site", { origin: "https://evil.example", fetchSite: "cross-site" }, open, 403],
    ["a page of another port", { origin: "http://localhost:3000", fetchSite: "same-site" }, open, 403],
    ["a page without an origin", { origin: "null" }, open, 403],
    ["a page that only claims the right origin", { ...page, fetchSite: "cross-site" }, open, 403],
    [
      "a name of its own (DNS rebinding)",
      { host: "evil.example", origin: "http://evil.example", fetchSite: "same-origin" },
      open,
      421,
    ],
    ["a program elsewhere", { peer: far }, open, 403],
    ["the page elsewhere, which any program can claim to be", { peer: far, ...page }, open, 403],
    ["a program without the token", {}, guarded, 401],
    ["a program elsewhere without the token", { peer: far }, guarded, 401],
    ["the page elsewhere without the token", { peer: far, ...page }, guarded, 401],
    ["a wrong token", { authorization: "Bearer wrong" }, guarded, 401],
    ["half a token", { authorization: "Bearer s3c" }, guarded, 401],
    ["an empty token", { authorization: "Bearer " }, guarded, 401],
    ["another scheme", { authorization: "Basic czNjcmV0" }, guarded, 401],
    ["a token where none is set", { authorization: "Bearer undefined" }, open, 401],
  ])("is refused to %s", (_name, facts, settings, status) => {
    expect(refuseChange(caller(facts), settings)).toMatchObject({ status });
  });

  it("says which setting would allow it, and never the token", () => {
    expect(refuseChange(caller({ peer: far }), open)?.message).toContain("BUILD_WATCHER_API_TOKEN");
    for (const authorization of [undefined, "Bearer wrong"]) {
      expect(refuseChange(caller({ peer: far, authorization }), guarded)?.message).not.toContain("s3cret");
    }
  });
});

it.each([
  [near, true],
  [far, false],
  [undefined, false],
])("buttons are shown to %s: %s", (peer, shown) => {
  expect(mayPressButtons(caller({ peer }), open)).toBe(shown);
});
