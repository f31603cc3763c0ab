// Checks everything a change must pass: types and lint beside the install of Node and the tests, which wait for programs half of the time. Arguments
// are those of vitest.
import { spawn } from "node:child_process";
import { environment, installNode, installPackages } from "./install.mjs";

const children = new Set();

/** Resolves with the exit code. What is not shown as it comes is shown at the end. */
function run(command, args, { isShown, env = {} }) {
  const stdio = isShown ? "inherit" : ["ignore", "pipe", "pipe"];
  const child = spawn(command, args, { stdio, env: { ...environment, ...env } });
  children.add(child);
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => output.push(chunk));
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => {
      children.delete(child);
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? 1);
    });
  });
}

for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}

const given = process.argv.slice(2);
const jitter = new URL("../test/support/jitter.mjs", import.meta.url);
const testing = {
  ...(given.length === 0 && { TEST_ALL: "1" }),
  ...(process.env.TEST_JITTER && { NODE_OPTIONS: `--import ${jitter}` }),
};
installPackages();
// The tests need the other cores, and several threads of these two work more in sum than one.
const types = run("tsc", ["--noEmit", "--checkers", "1"], { isShown: false });
const lint = run("biome", ["ci", "--threads", "1", "."], { isShown: false });
installNode();
const tests = run("vitest", ["run", ...given], { isShown: true, env: testing });
const codes = await Promise.all([types, lint, tests]);
const failed = ["Types", "Lint", "Tests"].filter((_, index) => codes[index] !== 0);
if (failed.length > 0) console.error(`${failed.join(", ")} failed: see above.`);
process.exitCode = failed.length > 0 ? 1 : 0;
