import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { assertPrivateState } from "../../src/app/state-directory.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "build-watcher-state-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const here = { inPod: false, uid: process.getuid?.() };

it.each<[string, (path: string) => void]>([
  ["is open to everybody", (path) => chmodSync(path, 0o777)],
  ["has a ledger that everybody may read", (path) => writeMode(join(path, "ledger.db"), 0o644)],
  ["has a log of the ledger that everybody may write", (path) => writeMode(join(path, "ledger.db-wal"), 0o666)],
  ["keeps logins elsewhere by a link", (path) => symlinkSync(tmpdir(), join(path, "skopeo"))],
  ["keeps notifications elsewhere by a link", (path) => symlinkSync("/nowhere", join(path, "notify"))],
])("a state directory that %s is refused", (_what, spoil) => {
  const path = directory();
  spoil(path);
  expect(() => assertPrivateState(path, here)).toThrow(/BUILD_WATCHER_STATE_DIR/);
});

it.each<[string, (path: string) => void, typeof here]>([
  ["is its owner's", () => undefined, here],
  ["is missing", (path) => rmSync(path, { recursive: true }), here],
  ["is shared by a group", (path) => chmodSync(path, 0o2770), here],
  ["is a volume of a pod", (path) => chmodSync(path, 0o777), { ...here, inPod: true }],
  ["was made by mkdir", (path) => mkdirSync(join(path, "skopeo"), { mode: 0o755 }), here],
])("one that %s is taken", (_what, make, settings) => {
  const path = directory();
  make(path);
  expect(() => assertPrivateState(path, settings)).not.toThrow();
});

function writeMode(path: string, mode: number): void {
  writeFileSync(path, "");
  chmodSync(path, mode);
}
