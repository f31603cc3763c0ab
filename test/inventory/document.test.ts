import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { writeDocument } from "../../src/inventory/document.ts";
import type { ImageContent } from "../../src/inventory/inventory.ts";
import { imageUrl, packageUrl } from "../../src/inventory/purl.ts";

const redHat = { family: "redhat", version: "9.4" };
const image = parseImageReference(`quay.example.com/shop/checkout:1.8.3@sha256:${"9f".repeat(32)}`);
const content: ImageContent = {
  digest: `sha256:${"9f".repeat(32)}`,
  platform: "linux/amd64",
  created: "2026-11-27T05:00:00.000Z",
  origin: "https://git.example.com/shop/checkout.git@4f2d8b0",
  distribution: redHat,
  completeness: "partial",
  reasons: ["app/a.jar: it is no zip archive"],
  layers: [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`],
  contentSets: ["rhel-9-for-x86_64-baseos-rpms"],
  packages: [
    { ecosystem: "maven", group: "org.apache.logging.log4j", name: "log4j-core", version: "2.14.1", layer: 1, path: "app/a.jar" },
    {
      ecosystem: "npm",
      name: "@babel/core",
      version: "7.0.0",
      licence: "MIT",
      layer: 0,
      path: "app/node_modules/@babel/core/package.json",
    },
    {
      ecosystem: "npm",
      name: "@babel/core",
      version: "7.0.0",
      licence: "MIT",
      layer: 1,
      path: "srv/node_modules/@babel/core/package.json",
    },
    { ecosystem: "golang", name: "example.com/App", version: "", layer: 1, path: "app/tool" },
    {
      ecosystem: "rpm",
      name: "openssl-libs",
      version: "1:3.0.7-27.el9",
      architecture: "x86_64",
      licence: "ASL 2.0",
      source: { name: "openssl", version: "1:3.0.7-27.el9" },
      layer: 0,
      path: "var/lib/rpm/rpmdb.sqlite",
    },
  ],
};

describe("the CycloneDX document", () => {
  it.each([
    ["1.6", Spec.Version.v1dot6],
    ["1.5", Spec.Version.v1dot5],
  ] as const)("of version %s keeps the official schema, whatever lies in the image", async (specVersion, version) => {
    const validator = new Validation.JsonStrictValidator(version);
    const { distribution: _, created: __, ...bare } = content;
    for (const one of [content, { ...bare, packages: [], reasons: [], contentSets: [] }]) {
      expect(await validator.validate(writeDocument(one, { image, specVersion }).toString())).toBeNull();
    }
  });

  it("has the same bytes for the same image, under any tag", () => {
    const again = { ...image, tag: "latest" };
    expect(writeDocument(content, { image: again, specVersion: "1.6" })).toEqual(
      writeDocument(content, { image, specVersion: "1.6" }),
    );
  });

  it("names packages, their sources and the system as Trivy does, each once", () => {
    const { components } = JSON.parse(writeDocument(content, { image, specVersion: "1.6" }).toString());
    expect(components.map((one: { purl?: string; name: string }) => one.purl ?? one.name)).toEqual([
      "redhat",
      "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
      "pkg:npm/%40babel/core@7.0.0",
      "pkg:golang/example.com/app",
      "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=redhat-9.4&epoch=1",
    ]);
    const properties = Object.fromEntries(
      components.at(-1).properties.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(properties).toMatchObject({
      "aquasecurity:trivy:PkgType": "redhat",
      "aquasecurity:trivy:SrcName": "openssl",
      "aquasecurity:trivy:SrcVersion": "3.0.7",
      "aquasecurity:trivy:SrcRelease": "27.el9",
      "aquasecurity:trivy:SrcEpoch": "1",
      "aquasecurity:trivy:LayerDigest": `sha256:${"1".repeat(64)}`,
    });
  });

  it("says that it is not complete, and why", () => {
    const { metadata } = JSON.parse(writeDocument(content, { image, specVersion: "1.6" }).toString());
    expect(metadata.component.properties).toContainEqual({ name: "build-watcher:completeness", value: "partial" });
    expect(metadata.component.properties).toContainEqual({
      name: "build-watcher:reason",
      value: "app/a.jar: it is no zip archive",
    });
  });
});

it("package URLs are those of the specification", () => {
  const deb = { ecosystem: "deb", name: "libstdc++6", version: "1:12.2.0-14+deb12u1", architecture: "amd64" } as const;
  expect(packageUrl(deb, { family: "debian", version: "12.7" })).toBe(
    "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12.7&epoch=1",
  );
  expect(packageUrl({ ecosystem: "pypi", name: "Ruamel_Yaml", version: "0.18.6" }, redHat)).toBe("pkg:pypi/ruamel-yaml@0.18.6");
  expect(imageUrl(image, content.digest, "linux/amd64")).toBe(
    `pkg:oci/checkout@sha256:${"9f".repeat(32)}?arch=amd64&repository_url=quay.example.com%2Fshop%2Fcheckout&tag=1.8.3`,
  );
});
