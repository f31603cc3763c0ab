import { getCACertificates } from "node:tls";
import { expect, it } from "vitest";
import { trustedAuthorities } from "../../../src/registry/trust/authorities.ts";

it("each CA is trusted once, whoever brings it", () => {
  const own = getCACertificates("default");
  const all = trustedAuthorities("-----BEGIN CERTIFICATE-----");
  expect(all).toEqual(expect.arrayContaining([...own, "-----BEGIN CERTIFICATE-----"]));
  expect(new Set(all).size).toBe(all.length);
  expect(trustedAuthorities(own[0])).toHaveLength(all.length - 1);
  expect(trustedAuthorities()).not.toContain("");
});
