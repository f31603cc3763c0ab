#!/usr/bin/env node
// Written for any Node: it says in one line which one the program needs, where the program itself would fail with a stack trace.
const needed = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < needed) {
  process.stderr.write(`build-watcher needs Node ${needed} or newer; this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  await import("../dist/main.js");
}
