import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Digest } from "../core/image-reference.ts";

/** A tiny image, everything of it a registry has to be given. */
export interface DemoImage {
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
}

export const manifestType = "application/vnd.docker.distribution.manifest.v2+json";

/** The image that a build of this name makes: always the same one. */
export function demoImage(name: string): DemoImage {
  const layer = gzipSync(`the files of ${name}\n`);
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(layer)] } }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.docker.container.image.v1+json", size: config.length, digest: digestOf(config) },
      layers: [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", size: layer.length, digest: digestOf(layer) }],
    }),
  );
  return { digest: digestOf(manifest), manifest, blobs: [config, layer] };
}

export function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
