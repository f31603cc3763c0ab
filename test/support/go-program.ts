/** Build info as Go since 1.18 puts it into a program. */
export function goBuildInfo(go: string, lines: readonly (readonly string[])[]): Buffer {
  const head = Buffer.alloc(32);
  head.write("\xff Go buildinf:", "latin1");
  head[14] = 8;
  head[15] = 2;
  const modules = lines.map((line) => `${line.join("\t")}\n`).join("");
  return Buffer.concat([
    head,
    withLength(Buffer.from(go)),
    withLength(Buffer.concat([sentinel, Buffer.from(modules), sentinel])),
  ]);
}

/** The smallest ELF file with a section `.go.buildinfo`. */
export function goProgram(go: string, lines: readonly (readonly string[])[]): Buffer {
  const info = goBuildInfo(go, lines);
  const names = Buffer.from("\0.go.buildinfo\0.shstrtab\0");
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header.set([2, 1, 1], 4);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  header.writeUInt16LE(2, 62);
  const infoAt = 128;
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(1, 56);
  const namesAt = infoAt + Math.ceil(info.length / 16) * 16;
  const sectionsAt = namesAt + 64;
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  const program = Buffer.alloc(sectionsAt + 3 * 64);
  header.copy(program);
  loadWhole(program, 64);
  info.copy(program, infoAt);
  names.copy(program, namesAt);
  section(program, sectionsAt + 64, {
    name: 1,
    type: 1,
    flags: 3,
    at: infoAt,
    address: base + infoAt,
    size: info.length,
    align: 16,
  });
  section(program, sectionsAt + 128, { name: 15, type: 3, flags: 0, at: namesAt, address: 0, size: names.length, align: 1 });
  return program;
}

/** The program header by which the file lies in memory, from its first byte on. */
function loadWhole(program: Buffer, start: number): void {
  program.writeUInt32LE(1, start);
  program.writeUInt32LE(7, start + 4);
  program.writeBigUInt64LE(BigInt(base), start + 16);
  program.writeBigUInt64LE(BigInt(base), start + 24);
  program.writeBigUInt64LE(BigInt(program.length), start + 32);
  program.writeBigUInt64LE(BigInt(program.length), start + 40);
  program.writeBigUInt64LE(4096n, start + 48);
}

const base = 0x401000;
const sentinel = Buffer.from("3077af0c9274080241e1c107e6d618e6", "hex");

interface Section {
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly at: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

function section(program: Buffer, start: number, { name, type, flags, at, address, size, align }: Section): void {
  program.writeUInt32LE(name, start);
  program.writeUInt32LE(type, start + 4);
  program.writeBigUInt64LE(BigInt(flags), start + 8);
  program.writeBigUInt64LE(BigInt(address), start + 16);
  program.writeBigUInt64LE(BigInt(at), start + 24);
  program.writeBigUInt64LE(BigInt(size), start + 32);
  program.writeBigUInt64LE(BigInt(align), start + 48);
}

function withLength(bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    if (left < 0x80) return Buffer.concat([Buffer.from([...length, left]), bytes]);
    length.push((left & 0x7f) | 0x80);
  }
}
