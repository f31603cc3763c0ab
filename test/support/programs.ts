import { spawnSync } from "node:child_process";
import { accessSync, constants, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

/**
 * `describe` for tests that need programs of the machine. Where one is missing they are skipped, and a skipped test says which; with CI=true it
 * fails instead, so that a pipeline cannot pass without having run them.
 */
export function requirePrograms(...programs: readonly string[]): (name: string, tests: () => void) => void {
  const missing = programs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return (name, tests) => void describe(name, tests);
  const message = `${lead}${missing.join(", ")}${end}`;
  const inCi = process.env.CI === "true";
  return (name) => {
    describe(name, () => {
      if (!inCi) return it.skip(message);
      it(message, () => {
        throw new Error(`${name} ${message}; install it, or run without CI=true to leave these tests out`);
      });
    });
  };
}

const lead = "needs ";
const end = ", which is not installed";

/** The programs that a skipped test's name says are missing. */
export function missingIn(name: string): readonly string[] {
  return name.startsWith(lead) && name.endsWith(end) ? name.slice(lead.length, -end.length).split(", ") : [];
}

const packages: Readonly<Record<string, string>> = {
  htpasswd: "apache2-utils",
  promtool: "prometheus",
  rpmdb: "rpm",
  "dpkg-query": "dpkg",
  mount: "util-linux",
  umount: "util-linux",
  psql: "postgresql",
  initdb: "postgresql",
  postgres: "postgresql",
};

/** The Debian package a program is in. */
export function packageOf(program: string): string {
  return packages[program] ?? program;
}

/** Where Debian puts servers, beside PATH; the newest PostgreSQL first. */
const serverDirectories = [...globSync("/usr/lib/postgresql/*/bin").sort().reverse(), "/usr/sbin"];

/** The path of a program on PATH, or where Debian puts servers; undefined when it is not installed. */
export function findProgram(program: string): string | undefined {
  const directories = [...(process.env.PATH ?? "").split(delimiter), ...serverDirectories];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end; throws with what it said when it fails. */
export function runProgram(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", ...(input !== undefined && { input }) });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ""} ended with ${status}: ${stderr}`);
  return stdout;
}
