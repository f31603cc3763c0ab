import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Marks } from "../../job-queue.ts";

/** Marks as files in a directory, each with its name. Missing directories are created. */
export function fileMarks(directory: string): Marks {
  const fileOf = (name: string) => join(directory, name);

  async function read(name: string): Promise<string | undefined> {
    try {
      return await readFile(fileOf(name), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async function write(name: string, text: string): Promise<void> {
    await mkdir(dirname(fileOf(name)), { recursive: true, mode: 0o700 });
    const beside = `${fileOf(name)}.${randomUUID()}.new`;
    await writeFile(beside, text, { mode: 0o600 });
    await rename(beside, fileOf(name));
  }

  return {
    read,
    write,
    async first(name, text) {
      const known = await read(name);
      if (known === undefined) await write(name, text);
      return known ?? text;
    },
    clear: (name) => rm(fileOf(name), { force: true }),
  };
}
