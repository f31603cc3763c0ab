// The project's dependencies and its own Node, installed where they are missing or older than the lock file.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const marker = join(modules, ".package-lock.json");
const lock = join(root, "package-lock.json");
// The lock file says what each package must be, so nothing newer has to be looked for.
const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

/** The environment in which programs of the project are found first. */
export const environment = { ...process.env, PATH: [join(modules, ".bin"), process.env.PATH].join(delimiter) };

/** Ends the process where npm fails. */
export function installPackages() {
  if (existsSync(marker) && (process.env.NODE_ENV === "production" || statSync(marker).mtimeMs >= statSync(lock).mtimeMs)) return;
  console.error("Installing dependencies (npm ci) …");
  npm("ci", "--ignore-scripts");
}

/** Node comes by a script of its package, which takes a third of the time. Meanwhile other processes can do what any Node can. */
export function installNode() {
  if (existsSync(join(modules, "node")) && !existsSync(join(modules, ".bin", "node"))) npm("rebuild", "node");
}

function npm(...args) {
  const { status } = spawnSync("npm", [...args, ...flags], { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
