import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** A file of a layer, or what else lies at a path. */
export type LayerEntry =
  | string
  | Buffer
  | { readonly link: string }
  | { readonly hardLink: string }
  | { readonly directory: true };

/** A tar archive of files by their paths. */
export async function makeTar(entries: Readonly<Record<string, LayerEntry>>): Promise<Buffer> {
  const archive = pack();
  const parts: Buffer[] = [];
  archive.on("data", (part) => parts.push(part as Buffer));
  const ended = new Promise<void>((resolve) => archive.on("end", () => resolve()));
  for (const [name, entry] of Object.entries(entries)) {
    if (typeof entry === "string" || Buffer.isBuffer(entry)) archive.entry({ name, mode: 0o755 }, entry);
    else if ("link" in entry) archive.entry({ name, type: "symlink", linkname: entry.link });
    else if ("hardLink" in entry) archive.entry({ name, type: "link", linkname: entry.hardLink });
    else archive.entry({ name, type: "directory" });
  }
  archive.finalize();
  await ended;
  return Buffer.concat(parts);
}

/** A layer as registries hold it. */
export async function makeFileLayer(entries: Readonly<Record<string, LayerEntry>>): Promise<Buffer> {
  return gzipSync(await makeTar(entries), { level: 1 });
}
