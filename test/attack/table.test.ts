import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const rows = readFileSync("test/attack/README.md", "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, file, name] = /^\| .* \| `(test\/[^`]+)` \| (.+) \|$/.exec(line) ?? [];
    return file && name ? [[file, name] as const] : [];
  });

it("every attack that was tried has a test", () => {
  expect(rows.length).toBeGreaterThan(50);
  for (const [file, name] of rows) expect(readFileSync(file, "utf8"), `${file}: ${name}`).toContain(name);
});
