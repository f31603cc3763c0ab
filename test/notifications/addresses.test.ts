import { describe, expect, it } from "vitest";
import { refusedCode } from "../../src/network/guarded-lookup.ts";
import { guardedLookup, isRefusedAddress, literalAddress } from "../../src/notifications/addresses.ts";

const outside = { allowLocal: false, inPod: false };
const inPod = { allowLocal: false, inPod: true };

describe("an address", () => {
  it.each([
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "168.63.129.16",
    "100.100.100.200",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
  ])("%s is refused, unless everything is allowed", (address) => {
    expect(isRefusedAddress(address, outside)).toBe(true);
    expect(isRefusedAddress(address, inPod)).toBe(true);
    expect(isRefusedAddress(address, { ...inPod, allowLocal: true })).toBe(false);
  });

  it.each(["127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])("%s is refused in a pod alone", (address) => {
    expect(isRefusedAddress(address, outside)).toBe(false);
    expect(isRefusedAddress(address, inPod)).toBe(true);
  });

  it.each(["10.1.2.3", "172.30.0.1", "192.168.1.1", "93.184.216.34", "fd12::1", "2001:db8::1"])("%s is allowed", (address) => {
    expect(isRefusedAddress(address, inPod)).toBe(false);
  });

  it.each([
    ["http://169.254.169.254/latest", "169.254.169.254"],
    ["http://2852039166/", "169.254.169.254"],
    ["http://0xa9.0xfe.0xa9.0xfe/", "169.254.169.254"],
    ["http://[::1]:8080/", "::1"],
    ["https://hooks.example.com/", undefined],
  ])("in %s is %s", (url, address) => {
    expect(literalAddress(url)).toBe(address);
  });
});

describe("looking a host up", () => {
  const resolvingTo = (...addresses: string[]) =>
    ((_host: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      )) as never;

  function look(all: boolean, ...addresses: string[]) {
    return new Promise((resolve) => {
      guardedLookup(inPod, resolvingTo(...addresses))("host.example.com", { all }, (error, found, family) =>
        resolve(error ? { code: error.code } : { found, family }),
      );
    });
  }

  it("finds only what may be reached", async () => {
    expect(await look(false, "169.254.169.254", "10.0.0.1")).toEqual({ found: "10.0.0.1", family: 4 });
    expect(await look(true, "127.0.0.1", "10.0.0.1", "fe80::1")).toEqual({ found: [{ address: "10.0.0.1", family: 4 }] });
  });

  it("fails when nothing may be reached", async () => {
    expect(await look(false, "169.254.169.254", "::1")).toEqual({ code: refusedCode });
    expect(await look(true)).toEqual({ code: refusedCode });
  });

  it("fails as the resolver does", async () => {
    const failing = ((_host: string, _options: object, done: (error: object) => void) => done({ code: "ENOTFOUND" })) as never;
    const code = await new Promise((resolve) =>
      guardedLookup(inPod, failing)("nowhere.example.com", {}, (error) => resolve(error?.code)),
    );
    expect(code).toBe("ENOTFOUND");
  });
});
