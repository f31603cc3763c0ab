import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createFileReader } from "../../../src/cluster/access/file-reader.ts";

test("does not open a file again that has not changed", async () => {
  const read = createFileReader();
  const first = await read(import.meta.filename);
  expect(await read(import.meta.filename)).toBe(first);
});

test("sees every change at once: in place, by another file, by another link", async () => {
  const directory = await mkdtemp(join(tmpdir(), "file-reader-"));
  const path = join(directory, "token");
  const read = async () => String(await reader(path));
  const reader = createFileReader();
  await writeFile(path, "one");
  expect(await read()).toBe("one");
  await writeFile(path, "two");
  expect(await read()).toBe("two");
  await writeFile(join(directory, "next"), "six");
  await rename(join(directory, "next"), path);
  expect(await read()).toBe("six");
  await writeFile(join(directory, "other"), "ten");
  await symlink("other", join(directory, "link"));
  await rename(join(directory, "link"), path);
  expect(await read()).toBe("ten");
  await rm(path);
  await expect(read()).rejects.toThrow("ENOENT");
  await rm(directory, { recursive: true });
});
