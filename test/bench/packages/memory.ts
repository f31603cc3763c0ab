import { createHash, randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { makeFileLayer } from "../../support/layers.ts";
import { digestOf, makeImage } from "../../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../../support/registry-server.ts";
import type { Measurement } from "../measurement.ts";
import { startRemote } from "../remote.ts";
import type { ReaderProcess } from "./reader-process.ts";

const mebibyte = 1024 * 1024;
const layerSize = 2 * 1024 * mebibyte;

/** Reading an image with a layer of 2 GB, which holds one file beside a package. */
export async function benchMemory(): Promise<Measurement> {
  const registry = await startRegistry({ parent: tmpdir() });
  try {
    const small = await registry.push("bench/small", makeImage({ layers: [await makeFileLayer({ "etc/hostname": "small" })] }));
    const name = await pushLargeImage(registry);
    await using reader = startRemote<ReaderProcess>("./packages/reader-process.ts");
    const { idle, peak, packages } = await reader.call("read", small, name);
    if (packages !== 1) throw new Error(`The image has 1 package, and ${packages} were read`);
    const shown = (bytes: number) => (bytes / mebibyte).toFixed(0);
    return {
      name: "peak memory while an image with a layer of 2 GB is read, above idle, of 64 MiB",
      ratio: (peak - idle) / (64 * mebibyte),
      bound: { max: 1 },
      detail: `${shown(peak)} MiB above ${shown(idle)} MiB`,
    };
  } finally {
    await registry.close();
  }
}

/** The layer is never in memory as a whole: its bytes are made twice, once for its digest. */
async function pushLargeImage(registry: RegistryServer): Promise<string> {
  const block = randomBytes(mebibyte);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of largeLayer(block)) {
    hash.update(chunk);
    size += chunk.length;
  }
  const digest = `sha256:${hash.digest("hex")}`;
  const uploads = `${registry.url}/v2/bench/large/blobs/uploads/`;
  const begun = await fetch(uploads, { method: "POST" });
  const address = `${begun.headers.get("location")}&digest=${digest}`;
  const body = Readable.toWeb(Readable.from(largeLayer(block))) as ReadableStream;
  const { status } = await fetch(address, { method: "PUT", body, duplex: "half" } as RequestInit);
  if (status !== 201) throw new Error(`The registry answered ${status} to the layer`);
  const small = makeImage();
  const fields = JSON.parse(small.manifest.toString());
  fields.layers = [{ mediaType: "application/vnd.docker.image.rootfs.diff.tar", size, digest }];
  const manifest = Buffer.from(JSON.stringify(fields));
  return registry.push("bench/large", { ...small, manifest, digest: digestOf(manifest) });
}

async function* largeLayer(block: Buffer): AsyncGenerator<Buffer> {
  const archive = pack();
  const known = { mtime: new Date(0) };
  const feeding = (async () => {
    archive.entry({ ...known, name: "app/node_modules/left-pad/package.json" }, '{"name":"left-pad","version":"1.3.0"}');
    const file = archive.entry({ ...known, name: "model.bin", size: layerSize });
    for (let sent = 0; sent < layerSize; sent += block.length)
      if (!file.write(block)) await new Promise<void>((resolve) => void file.once("drain", () => resolve()));
    file.end(undefined);
    archive.finalize();
  })();
  yield* archive as AsyncIterable<Buffer>;
  await feeding;
}
