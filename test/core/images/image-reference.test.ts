import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatImageReference, parseImageReference } from "../../../src/core/images/image-reference.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;

describe("parseImageReference", () => {
  it.each([
    ["host with port and no tag", "host:5000/ns/app", { registry: "host:5000", repository: "ns/app" }],
    ["host with port and tag", "host:5000/ns/app:1.0", { registry: "host:5000", repository: "ns/app", tag: "1.0" }],
    ["a digest", `quay.io/org/app@${digest}`, { registry: "quay.io", repository: "org/app", digest }],
    ["tag and digest", `quay.io/org/app:v1@${digest}`, { registry: "quay.io", repository: "org/app", tag: "v1", digest }],
    ["no registry and no path", "fedora:30", { registry: "docker.io", repository: "library/fedora", tag: "30" }],
    ["no registry", "org/app", { registry: "docker.io", repository: "org/app" }],
    ["localhost", "localhost/app", { registry: "localhost", repository: "app" }],
    ["a host in capitals", "QUAY.io:5000/org/app", { registry: "quay.io:5000", repository: "org/app" }],
    ["Docker Hub in capitals", "Docker.IO/fedora", { registry: "docker.io", repository: "library/fedora" }],
    ["Docker Hub's old name in capitals", "INDEX.docker.io/fedora", { registry: "docker.io", repository: "library/fedora" }],
    ["a host in capitals without a dot", "MyOrg/app", { registry: "MyOrg", repository: "app" }],
    ["a host with the usual port", "quay.io:443/org/app", { registry: "quay.io:443", repository: "org/app" }],
    ["a host by its name in DNS", "xn--rgistry-bva.example/app", { registry: "xn--rgistry-bva.example", repository: "app" }],
    ["an IPv6 host", "[::1]:5000/app:x", { registry: "[::1]:5000", repository: "app", tag: "x" }],
    ["skopeo's transport", "docker://quay.io/org/app", { registry: "quay.io", repository: "org/app" }],
  ])("reads %s", (_, text, expected) => {
    expect(parseImageReference(text)).toEqual(expected);
  });

  it.each([
    "",
    " ",
    "quay.io/UPPER/case",
    "quay.io/org/app:",
    "quay.io/org/app@sha256:123",
    "quay.io/org/app@@",
    "quay.io//app",
    "-rf/x; rm",
    "quay.io/org/app:$(id)",
    "host:port/app",
    "a b/c",
    "quay.io:99999/app",
    "999.1.1.1/app",
    "[1]:5000/app",
    "quay.io./app",
    "régistry.example/app",
    "https://quay.io/app",
    `quay.io/app@sha512:${"ab".repeat(64)}`,
  ])("refuses %j as a final failure", (text) => {
    expect(() => parseImageReference(text)).toThrow(expect.objectContaining({ reason: "BadReference", retryable: false }));
  });

  it("reads back whatever it wrote", () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
    const reference = fc.record(
      {
        registry: fc.constantFrom("quay.io", "host:5000", "localhost", "image-registry.openshift-image-registry.svc:5000"),
        repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
        digest: fc.constant(digest),
      },
      { requiredKeys: ["registry", "repository"] },
    );
    fc.assert(
      fc.property(reference, (image) => {
        expect(parseImageReference(formatImageReference(image))).toEqual(image);
      }),
    );
  });

  it("throws nothing but its own error, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseImageReference(text);
        } catch (error) {
          expect(error).toMatchObject({ name: "JobError", reason: "BadReference" });
        }
      }),
    );
  });
});
