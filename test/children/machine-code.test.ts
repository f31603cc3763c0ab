import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { isMachineCode } from "../../src/children/machine-code.ts";
import { temporaryDirectory } from "../support/copier.ts";

const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode });
  return path;
}

it("a program is machine code, a script that could start others is not", async () => {
  expect(await isMachineCode(process.execPath)).toBe(true);
  expect(await isMachineCode(write("script", "#!/bin/sh\nexec skopeo"))).toBe(false);
  expect(await isMachineCode(write("empty", ""))).toBe(false);
  expect(await isMachineCode(join(directory, "missing"))).toBe(false);
});

it("the first program of that name on PATH counts, as when it is started", async () => {
  const [first, second] = ["first", "second"].map((name) => join(directory, name));
  for (const place of [first, second]) mkdirSync(place ?? "");
  write("first/tool", "\x7fELF", 0o644);
  write("second/tool", "#!/bin/sh");
  expect(await isMachineCode("tool", `${first}:${second}`)).toBe(false);
  write("third", "\x7fELF");
  expect(await isMachineCode("third", `${first}:${directory}:${second}`)).toBe(true);
});
