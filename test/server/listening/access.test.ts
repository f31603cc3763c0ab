import { describe, expect, it } from "vitest";
import {
  type AccessSettings,
  type Caller,
  mayPressButtons,
  refuseChange,
  refuseLogs,
  refuseReading,
} from "../../../src/server/listening/access.ts";

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

const inPod = { ...open, inPod: true };
const behindProxy = { ...proxied, inPod: true };
const carrying: AccessSettings = { ...guarded, formToken: "form" };

describe("a pod, where side cars hand on what neighbours send", () => {
  it.each([
    ["from its own loopback", {}, inPod, 403],
    ["from another address of 127/8", { peer: "127.0.0.6", host: "127.0.0.1" }, inPod, 403],
    ["that claims to be the page", { ...page, peer: "127.0.0.6", host: "127.0.0.1" }, behindProxy, 403],
    ["by the proxy's name from elsewhere", { peer: far, host: "watcher.example.com" }, behindProxy, 403],
    ["by the service's name", { host: "build-watcher.ns.svc:8080" }, behindProxy, 403],
    ["without the token", {}, { ...guarded, inPod: true }, 401],
    ["of a program behind the proxy", { host: "watcher.example.com" }, { ...behindProxy, formToken: "form" }, 403],
  ])("takes no change %s", (_name, facts, settings, status) => {
    expect(refuseChange(caller(facts), settings)).toMatchObject({ status });
  });

  it("takes changes by the proxy the operator named, and with the token from anywhere", () => {
    const pressed = {
      host: "watcher.example.com",
      origin: "https://watcher.example.com",
      fetchSite: "same-origin",
      formToken: "form",
    };
    expect(refuseChange(caller(pressed), { ...behindProxy, formToken: "form" })).toBeUndefined();
    expect(refuseChange(caller({ peer: far, authorization: "Bearer s3cret" }), { ...guarded, inPod: true })).toBeUndefined();
  });

  it.each([
    ["a neighbour", { peer: far }, inPod, 403],
    ["a neighbour by a side car", { peer: "127.0.0.6" }, inPod, 403],
    ["the pod's own loopback", {}, inPod, 403],
    ["a neighbour with a wrong token", { peer: far, authorization: "Bearer x" }, { ...guarded, inPod: true }, 401],
  ])("shows no build log to %s", (_name, facts, settings, status) => {
    expect(refuseLogs(caller(facts), settings)).toMatchObject({ status });
  });

  it.each([
    ["the login proxy", { host: "watcher.example.com" }, behindProxy],
    ["a program with the token", { peer: far, authorization: "Bearer s3cret" }, { ...guarded, inPod: true }],
  ])("shows build logs to %s", (_name, facts, settings) => {
    expect(refuseLogs(caller(facts), settings)).toBeUndefined();
  });
});

describe("the form's token", () => {
  it.each([
    [{ ...page, formToken: "form" }, undefined],
    [page, 403],
    [{ ...page, formToken: "for" }, 403],
    [{ formToken: "form" }, undefined],
    [{}, 401],
    [{ origin: "http://localhost" }, 403],
    [{ ...page, fetchSite: "same-site", formToken: "form" }, 403],
  ])("%j: %s", (facts, status) => {
    expect(refuseChange(caller(facts), carrying)?.status).toBe(status);
  });
});

it.each(["127.0.0.6", "127.1.1.1", "::ffff:127.0.0.2"])(
  "%s is a machine of its own, by whose name no page can be rebound",
  (peer) => {
    expect(refuseLogs(caller({ peer }), open)).toMatchObject({ status: 403 });
    expect(refuseChange(caller({ peer, ...page }), open)).toMatchObject({ status: 403 });
    expect(refuseReading(caller({ peer, host: "evil.example" }), open)).toMatchObject({ status: 421 });
  },
);

it.each([
  [near, true],
  [far, false],
  [undefined, false],
])("buttons are shown to %s: %s", (peer, shown) => {
  expect(mayPressButtons(caller({ peer }), open)).toBe(shown);
});
