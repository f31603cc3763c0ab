import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Digest } from "../../src/core/images/image-reference.ts";

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const listType = "application/vnd.docker.distribution.manifest.list.v2+json";
const configType = "application/vnd.docker.container.image.v1+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** An image made by hand: everything a registry has to be given, in memory. */
export interface MadeImage {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
  /** The images of an index. */
  readonly children: readonly MadeImage[];
}

export interface ImageOptions {
  readonly layers?: readonly Buffer[];
  readonly architecture?: string;
  /** Labels of its configuration, and annotations of its manifest. */
  readonly labels?: unknown;
  readonly annotations?: unknown;
}

/** A layer of incompressible bytes in gzip's clothes. */
export function makeLayer(bytes = 2_000): Buffer {
  return gzipSync(randomBytes(bytes), { level: 0 });
}

/** An image for one platform; never the same twice, unless the layers are given and equal. */
export function makeImage({ layers = [makeLayer()], architecture = "amd64", labels, annotations }: ImageOptions = {}): MadeImage {
  const diffs = layers.map((layer) => digestOf(layer));
  const rootfs = { type: "layers", diff_ids: diffs };
  const config = Buffer.from(
    JSON.stringify({ architecture, os: "linux", rootfs, ...(labels !== undefined && { config: { Labels: labels } }) }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: configType, size: config.length, digest: digestOf(config) },
      layers: layers.map((layer) => ({ mediaType: layerType, size: layer.length, digest: digestOf(layer) })),
      annotations,
    }),
  );
  return { digest: digestOf(manifest), mediaType: manifestType, manifest, blobs: [config, ...layers], children: [] };
}

/** An index of images for several platforms. */
export function makeIndex(
  architectures: readonly string[] = ["amd64", "s390x"],
  { annotations, ...options }: Omit<ImageOptions, "architecture"> = {},
): MadeImage {
  const children = architectures.map((architecture) => makeImage({ ...options, architecture }));
  const manifests = children.map((child, index) => ({
    mediaType: manifestType,
    size: child.manifest.length,
    digest: child.digest,
    platform: { architecture: architectures[index], os: "linux" },
  }));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: listType, manifests, annotations }));
  return { digest: digestOf(manifest), mediaType: listType, manifest, blobs: [], children };
}

export function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
