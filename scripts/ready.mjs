// Runs a command with the project's own dependencies and Node, installing them first where they are missing or older than the lock file.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { environment, installNode, installPackages } from "./install.mjs";

installPackages();
installNode();
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: "inherit", env: environment });
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
