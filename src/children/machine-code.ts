import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { delimiter, join } from "node:path";

const elf = Buffer.from("\x7fELF");

/** Whether a command, by its path or the first one on PATH, is machine code (elf(5)) and no script, whose commands could outlive it. */
export async function isMachineCode(command: string, path = ""): Promise<boolean> {
  const places = command.includes("/") ? [command] : path.split(delimiter).map((directory) => join(directory, command));
  for (const place of places) {
    const isProgram = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return (await firstBytes(place, elf.length).catch(() => undefined))?.equals(elf) ?? false;
  }
  return false;
}

async function firstBytes(path: string, length: number): Promise<Buffer> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
