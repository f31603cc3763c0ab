import { open } from "node:fs/promises";
import { findProgram } from "./find-program.ts";

const elf = Buffer.from("\x7fELF");

/** Whether a command, by its path or the first one on PATH, is machine code (elf(5)) and no script, whose commands could outlive it. */
export async function isMachineCode(command: string, path = ""): Promise<boolean> {
  const place = await findProgram(command, path);
  if (place === undefined) return false;
  return (await firstBytes(place, elf.length).catch(() => undefined))?.equals(elf) ?? false;
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
