// Runs a command with the project's own dependencies and Node, installing them first where they are missing or older than the lock file.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, "node_modules", ".package-lock.json");
const lock = join(root, "package-lock.json");

function isReady() {
  if (!existsSync(marker)) return false;
  return process.env.NODE_ENV === "production" || statSync(marker).mtimeMs >= statSync(lock).mtimeMs;
}

if (!isReady()) {
  console.error("Installing dependencies (npm ci) …");
  // The lock file says what each package must be, so nothing newer has to be looked for.
  const { status } = spawnSync("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
}

const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, PATH: path } });
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
