import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { ImageContent } from "../inventory.ts";

/** A content as the store keeps it. */
export function packContent(content: ImageContent): Buffer {
  return zstdCompressSync(serialize(content));
}

export function unpackContent(bytes: Uint8Array): ImageContent {
  return deserialize(zstdDecompressSync(bytes)) as ImageContent;
}
