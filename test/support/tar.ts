/** A tar header as somebody writes it who does not keep to its rules. */
export interface OddHeader {
  readonly name: string;
  /** Bytes of the field where it is no number. */
  readonly size?: number | Buffer;
  readonly type?: string;
  readonly target?: string;
  /** The directory before the name, and what lies behind its 131 bytes in the format of `star`. */
  readonly prefix?: string;
  readonly tail?: string;
  readonly magic?: string;
}

export function tarHeader({ name, size = 0, type = "0", target = "", prefix = "", tail, magic }: OddHeader): Buffer {
  const header = Buffer.alloc(512);
  header.write(name.slice(0, 100), 0);
  header.write("0000644\x000000000\x000000000\0", 100);
  header.set(Buffer.isBuffer(size) ? size.subarray(0, 12) : Buffer.from(`${size.toString(8).padStart(11, "0")}\0`), 124);
  header.write("00000000000\0", 136);
  header.write(type, 156, "latin1");
  header.write(target.slice(0, 100), 157);
  header.write(magic ?? "ustar\x0000", 257, "latin1");
  header.write(prefix, 345);
  if (tail) header.write(tail, 476);
  if (tail) header.write("tar\0", 508);
  return signed(header);
}

/** The same entry under a name of these bytes. */
export function rename(entry: Buffer, name: Buffer): Buffer {
  const renamed = Buffer.from(entry);
  renamed.set(name, 0);
  signed(renamed);
  return renamed;
}

function signed(archive: Buffer): Buffer {
  const header = archive.subarray(0, 512);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return archive;
}

/** An entry with its bytes, whatever kind it is. */
export function tarEntry(header: Omit<OddHeader, "size">, content: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([tarHeader({ ...header, size: bytes.length }), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** An extended header for the next entry (`x`), or for all (`g`). */
export function paxHeader(fields: Readonly<Record<string, string>>, type: "x" | "g" = "x"): Buffer {
  const line = ([key, value]: [string, string]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest;
    while (String(length).length + rest !== length) length = String(length).length + rest;
    return `${length} ${key}=${value}\n`;
  };
  return tarEntry({ name: "pax", type }, Object.entries(fields).map(line).join(""));
}
