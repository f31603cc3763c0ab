import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { ContentSummary, ImageContent } from "../../inventory.ts";

/** A content as threads pass it on and the file keeps it. */
export function packContent(content: ImageContent): Buffer {
  return zstdCompressSync(serialize(content));
}

export function unpackContent(bytes: Uint8Array): ImageContent {
  return deserialize(zstdDecompressSync(bytes)) as ImageContent;
}

/** A content in the form that other versions of the program can read. */
export function packJson(content: ImageContent): Buffer {
  return zstdCompressSync(JSON.stringify(content));
}

export function unpackJson(bytes: Uint8Array): ImageContent {
  return JSON.parse(zstdDecompressSync(bytes).toString("utf8")) as ImageContent;
}

/** A content without its packages. */
export function summarize({ packages, ...rest }: ImageContent): ContentSummary {
  const countByLayer = rest.layers.map(() => 0);
  for (const { layer } of packages) countByLayer[layer] = (countByLayer[layer] ?? 0) + 1;
  return { ...rest, count: packages.length, countByLayer };
}
