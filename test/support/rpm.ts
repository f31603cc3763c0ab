import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./programs.ts";

export interface RpmPackage {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch?: number;
  readonly architecture?: string;
  readonly licence?: string;
  readonly sourceRpm?: string;
  readonly modularity?: string;
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly data: Buffer;
}

/** An rpm header as the databases hold it: without magic. */
export function rpmHeader(made: RpmPackage): Buffer {
  const text = (tag: number, value: string, type = 6): Entry => ({ tag, type, count: 1, data: Buffer.from(`${value}\0`) });
  const number = (tag: number, value: number): Entry => {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(value);
    return { tag, type: 4, count: 1, data };
  };
  const entries = [
    text(1000, made.name),
    text(1001, made.version),
    text(1002, made.release),
    ...(made.epoch === undefined ? [] : [number(1003, made.epoch)]),
    text(1004, `Summary of ${made.name}`, 9),
    number(1009, 1234),
    text(1014, made.licence ?? "MIT"),
    text(1021, "linux"),
    text(1022, made.architecture ?? "x86_64"),
    text(1044, made.sourceRpm ?? `${made.name}-${made.version}-${made.release}.src.rpm`),
    ...(made.modularity === undefined ? [] : [text(5096, made.modularity)]),
  ];
  return assemble(entries);
}

function assemble(entries: readonly Entry[]): Buffer {
  const index = Buffer.alloc(entries.length * 16);
  let data = Buffer.alloc(0);
  entries.forEach((entry, at) => {
    if (entry.type === 4) data = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
    index.writeInt32BE(entry.tag, at * 16);
    index.writeUInt32BE(entry.type, at * 16 + 4);
    index.writeInt32BE(data.length, at * 16 + 8);
    index.writeUInt32BE(entry.count, at * 16 + 12);
    data = Buffer.concat([data, entry.data]);
  });
  const sizes = Buffer.alloc(8);
  sizes.writeInt32BE(entries.length, 0);
  sizes.writeInt32BE(data.length, 4);
  return Buffer.concat([sizes, index, data]);
}

/** Has rpm itself write its SQLite database; answers the file and its write-ahead log, and what `rpm -qa` says of them. */
export function rpmDatabase(packages: readonly RpmPackage[]): {
  readonly database: Buffer;
  readonly log: Buffer;
  readonly listed: string[];
} {
  const directory = mkdtempSync(join(tmpdir(), "rpm-"));
  try {
    const magic = Buffer.from("8eade80100000000", "hex");
    const headers = Buffer.concat(packages.flatMap((made) => [magic, rpmHeader(made)]));
    const imported = spawnSync("rpmdb", ["--dbpath", directory, "--importdb"], { input: headers });
    if (imported.status !== 0) throw new Error(`rpmdb ended with ${imported.status}: ${imported.stderr}`);
    const listed = rpmList(directory);
    const log = readFileSync(join(directory, "rpmdb.sqlite-wal"));
    return { database: readFileSync(join(directory, "rpmdb.sqlite")), log, listed };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What rpm says lies in a database, one line a package: name, full version with its epoch, architecture. */
export function rpmList(directory: string, backend = "sqlite"): string[] {
  const format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}\n";
  const args = ["--dbpath", directory, "--define", `_db_backend ${backend}`, "-qa", "--qf", format];
  return runProgram("rpm", args)
    .trim()
    .split("\n")
    .filter((line) => line && !line.startsWith("gpg-pubkey "))
    .toSorted();
}

/** An NDB database as SUSE's rpm writes it; Debian's rpm is built without it. */
export function ndbDatabase(packages: readonly RpmPackage[]): Buffer {
  const page = Buffer.alloc(4096);
  page.write("RpmP", 0);
  page.writeUInt32LE(1, 8);
  page.writeUInt32LE(1, 12);
  page.writeUInt32LE(packages.length + 1, 16);
  for (let at = 32; at < 4096; at += 16) page.write("Slot", at);
  const blobs: Buffer[] = [];
  let block = 4096 / 16;
  packages.forEach((made, index) => {
    const header = rpmHeader(made);
    const blocks = Math.ceil((16 + header.length + 12) / 16);
    const blob = Buffer.alloc(blocks * 16);
    blob.write("BlbS", 0);
    blob.writeUInt32LE(index + 1, 4);
    blob.writeUInt32LE(1, 8);
    blob.writeUInt32LE(header.length, 12);
    header.copy(blob, 16);
    blob.writeUInt32LE(header.length, blob.length - 8);
    blob.write("BlbE", blob.length - 4);
    const slot = 32 + index * 16;
    page.writeUInt32LE(index + 1, slot + 4);
    page.writeUInt32LE(block, slot + 8);
    page.writeUInt32LE(blocks, slot + 12);
    blobs.push(blob);
    block += blocks;
  });
  return Buffer.concat([page, ...blobs]);
}
