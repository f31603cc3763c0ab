import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compiled, programPath } from "../support/bot-process.ts";

/** A device that is always full stands for a full disk. */
const full = "/dev/full";

it.skipIf(!existsSync(full)).each([
  ["what a command prints", ["options"]],
  ["the log", ["--build-watcher-namespace", "shop", "--thoth-api-host", "http://127.0.0.1:1"]],
])("%s that cannot be written for want of room ends the program with the reason", (_, argv) => {
  const args = ["-c", `exec "$@" >${full}`, "sh", process.execPath, programPath, ...argv];
  const state = mkdtempSync(join(tmpdir(), "full-"));
  const env = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: compiled,
    KUBERNETES_API_URL: "http://127.0.0.1:1",
    BUILD_WATCHER_STATE_DIR: state,
  };
  const { status, stderr } = spawnSync("sh", args, { encoding: "utf8", env, cwd: "/" });
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/standard output cannot be written \(ENOSPC\)/);
});
