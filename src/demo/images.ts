import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Digest } from "../core/images/image-reference.ts";

/** A tiny image, everything of it a registry has to be given. */
export interface DemoImage {
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
}

export const manifestType = "application/vnd.docker.distribution.manifest.v2+json";

const openssl = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.11-1~deb12u1\n";
const builderLayer = {
  "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
  "var/lib/dpkg/status": `${openssl}\nPackage: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b2\n`,
};
/** The builder has Debian's packages in its own layer, the application has that layer under it. */
const standsOnBuilder = /^(?:golang-builder|go-hello-(?:world-appimage|shipwright|tekton))-/;

/** What is in the images of others, by the beginning of their names; the rest has no package database, as what is made from scratch. */
const ownFiles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "legacy-app": { "srv/node_modules/express/package.json": '{"name":"express","version":"4.18.2","license":"MIT"}' },
  "ray-example": {
    "usr/lib/python3/dist-packages/ray-2.9.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: ray\nVersion: 2.9.0\n",
    "usr/lib/python3/dist-packages/numpy-1.26.4.dist-info/METADATA": "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n",
  },
};

/** What an image says of the one it is made on (opencontainers/image-spec, annotations.md). */
export interface BaseLabels {
  readonly name: string;
  readonly digest: Digest;
}

/** The image that a build of this name makes: always the same one. */
export function demoImage(name: string, base?: BaseLabels): DemoImage {
  const under = standsOnBuilder.test(name) ? [layerOf(builderLayer)] : [];
  const own = ownFiles[name.replace(/-\d+$/, "")];
  const layers = [...under, layerOf({ [`srv/${name}`]: `the files of ${name}\n`, ...own })];
  const diffs = layers.map((layer) => digestOf(gunzipSync(layer)));
  const labels = base && {
    "org.opencontainers.image.base.name": base.name,
    "org.opencontainers.image.base.digest": base.digest,
  };
  const rootfs = { type: "layers", diff_ids: diffs };
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs, config: { Labels: labels } }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.docker.container.image.v1+json", size: config.length, digest: digestOf(config) },
      layers: layers.map((layer) => ({
        mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
        size: layer.length,
        digest: digestOf(layer),
      })),
    }),
  );
  return { digest: digestOf(manifest), manifest, blobs: [config, ...layers] };
}

/** A layer as registries hold it: a tar archive of files by their paths, gzipped. */
function layerOf(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([path, text]) => {
    const body = Buffer.from(text);
    return [tarHeader(path, body.length), body, Buffer.alloc(-body.length & 511)];
  });
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

/** A file's header in a tar archive (POSIX.1-1988, ustar). */
function tarHeader(path: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(path, 0);
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(0, 11), 100);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}

export function digestOf(bytes: Buffer): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
