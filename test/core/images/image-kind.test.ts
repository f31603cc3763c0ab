import { expect, it } from "vitest";
import { type ImageTraits, whyNoImage } from "../../../src/core/images/image-kind.ts";

const config = "application/vnd.oci.image.config.v1+json";
const layers = ["application/vnd.oci.image.layer.v1.tar+gzip"];
const attached = `sha256-${"a".repeat(64)}`;

it.each<[string, ImageTraits]>([
  ["an OCI image", { config, layers }],
  [
    "a Docker image",
    { config: "application/vnd.docker.container.image.v1+json", layers: ["application/vnd.docker.image.rootfs.diff.tar.gzip"] },
  ],
  ["zstd layers", { config, layers: ["application/vnd.oci.image.layer.v1.tar+zstd"] }],
  ["a foreign layer", { config, layers: ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"] }],
  ["an image whose parts have no types", { layers: [undefined] }],
  ...["application/octet-stream", "application/json", "text/html", "Application/vnd.oci.image.config.v1+JSON; charset=utf-8"].map(
    (type) => [`a configuration of the type ${type}`, { config: type, layers }] as [string, ImageTraits],
  ),
  ["an index", { children: ["application/vnd.oci.image.manifest.v1+json"] }],
  ["a list", { children: ["application/vnd.docker.distribution.manifest.v2+json"] }],
  ["an index of indexes", { children: ["application/vnd.oci.image.index.v1+json"] }],
  ["an index whose parts have no types", { children: [undefined] }],
  ["a tag alone", { tag: "latest" }],
  ["a tag that names a revision", { tag: "sha256-1fbe63e44402" }],
  ["nothing", {}],
])("%s can be a container image", (_, traits) => expect(whyNoImage(traits)).toBeUndefined());

it.each<[string, ImageTraits]>([
  ["a signature by tag", { tag: `${attached}.sig` }],
  ["an attestation by tag", { tag: `${attached}.att` }],
  ["a bill of materials by tag", { tag: `${attached}.sbom` }],
  ["a sigstore bundle by tag", { tag: `${attached}.sigstore` }],
  ["referrers", { tag: attached }],
  ["a signature by its layers", { config, layers: ["application/vnd.dev.cosign.simplesigning.v1+json"] }],
  ["an attestation by its layers", { config, layers: ["application/vnd.in-toto+json"] }],
  [
    "a chart",
    { config: "application/vnd.cncf.helm.config.v1+json", layers: ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"] },
  ],
  [
    "a bill of materials",
    { artifactType: "application/spdx+json", config: "application/vnd.oci.empty.v1+json", layers: ["application/spdx+json"] },
  ],
  ["an empty configuration", { config: "application/vnd.oci.empty.v1+json", layers }],
  ["a wasm module", { config: "application/vnd.wasm.config.v0+json", layers: ["application/wasm"] }],
  ["no layers", { config, layers: [] }],
  ["an index of nothing", { children: [] }],
  ["a build cache", { config: "application/vnd.buildkit.cacheconfig.v0", layers }],
  ["a build cache as an index", { children: [...layers, "application/vnd.buildkit.cacheconfig.v0"] }],
  ["an index that is an artifact", { artifactType: "application/x", children: ["application/vnd.oci.image.manifest.v1+json"] }],
  ["a plugin", { config: "application/vnd.docker.plugin.v1+json", layers }],
])("%s is none", (_, traits) => expect(whyNoImage(traits)).toEqual(expect.any(String)));
