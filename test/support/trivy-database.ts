import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A bucket of a Bolt database: values by key, and further buckets. */
export interface Bucket {
  readonly [key: string]: string | Bucket;
}

const pageSize = 4096;

/** Writes a vulnerability database as Trivy keeps it in its cache directory, so that it needs no network for one. */
export function writeTrivyDatabase(cache: string, content: Bucket): void {
  const directory = join(cache, "db");
  mkdirSync(directory, { recursive: true });
  const [past, future] = ["2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
  const times = { UpdatedAt: past, NextUpdate: future, DownloadedAt: past };
  writeFileSync(join(directory, "metadata.json"), JSON.stringify({ Version: 2, ...times }));
  writeFileSync(join(directory, "trivy.db"), boltDatabase(content));
}

/**
 * A Bolt database (go.etcd.io/bbolt: page.go, bucket.go) of one root page, in which all buckets lie inline: two pages of meta data, a page for free
 * pages, the root with as many pages as it needs.
 */
function boltDatabase(content: Bucket): Buffer {
  const root = leaf(content, 3n);
  const pages = Math.ceil(root.length / pageSize);
  root.writeUInt32LE(pages - 1, 12);
  const file = Buffer.alloc((3 + pages) * pageSize);
  for (const id of [0, 1]) writeMeta(file.subarray(id * pageSize), BigInt(id), BigInt(3 + pages));
  file.writeBigUInt64LE(2n, 2 * pageSize);
  file.writeUInt16LE(0x10, 2 * pageSize + 8);
  root.copy(file, 3 * pageSize);
  return file;
}

function writeMeta(page: Buffer, id: bigint, end: bigint): void {
  page.writeBigUInt64LE(id, 0);
  page.writeUInt16LE(0x04, 8);
  page.writeUInt32LE(0xed0cdaed, 16);
  page.writeUInt32LE(2, 20);
  page.writeUInt32LE(pageSize, 24);
  page.writeBigUInt64LE(3n, 32);
  page.writeBigUInt64LE(2n, 48);
  page.writeBigUInt64LE(end, 56);
  page.writeBigUInt64LE(id, 64);
  page.writeBigUInt64LE(fnv(page.subarray(16, 72)), 72);
}

/** A page of a bucket's keys, in their order. */
function leaf(bucket: Bucket, id: bigint): Buffer {
  const entries = Object.entries(bucket)
    .map(([key, value]) => ({
      key: Buffer.from(key),
      value: typeof value === "string" ? Buffer.from(value) : inline(value),
      isBucket: typeof value !== "string",
    }))
    .toSorted((a, b) => Buffer.compare(a.key, b.key));
  const head = Buffer.alloc(16 + entries.length * 16);
  head.writeBigUInt64LE(id, 0);
  head.writeUInt16LE(0x02, 8);
  head.writeUInt16LE(entries.length, 10);
  let at = head.length;
  for (const [index, { key, value, isBucket }] of entries.entries()) {
    const start = 16 + index * 16;
    head.writeUInt32LE(isBucket ? 1 : 0, start);
    head.writeUInt32LE(at - start, start + 4);
    head.writeUInt32LE(key.length, start + 8);
    head.writeUInt32LE(value.length, start + 12);
    at += key.length + value.length;
  }
  return Buffer.concat([head, ...entries.flatMap(({ key, value }) => [key, value])]);
}

/** A bucket within its key's value: no page of its own, and no sequence. */
function inline(bucket: Bucket): Buffer {
  return Buffer.concat([Buffer.alloc(16), leaf(bucket, 0n)]);
}

/** FNV-1a of 64 bits, the checksum of meta data. */
function fnv(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
