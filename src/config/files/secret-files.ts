import { readFileSync } from "node:fs";
import { optionEntries } from "../options.ts";
import type { Environment } from "../sources.ts";

export interface WithSecrets {
  readonly environment: Environment;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/** The most bytes of a secret's file that are read; far more than any password or list of addresses. */
const longest = 64 * 1024;

/** The variable that names a file with a secret setting's value, as in `THOTH_DST_REGISTRY_PASSWORD_FILE=/run/secrets/password`. */
export function fileVariable(env: string): string {
  return `${env}_FILE`;
}

const secrets = optionEntries.filter(([, { secret }]) => secret).map(([, { env }]) => env);

export const secretFileVariables: readonly string[] = secrets.map(fileVariable);

/**
 * The environment with the values of secrets whose files it names. An empty file counts as not set. A `.env` file cannot name such files: it may be
 * somebody else's.
 */
export function readSecretFiles(environment: Environment, envFile: Environment, read = readSecret): WithSecrets {
  const readings = secrets
    .filter((env) => environment[fileVariable(env)])
    .map((env) => readOne(env, environment[fileVariable(env)] ?? "", environment[env], read));
  const values = readings.flatMap(({ env, value }) => (value === undefined ? [] : [[env, value]]));
  return {
    environment: { ...environment, ...Object.fromEntries(values) },
    mistakes: readings.flatMap(({ mistake = [] }) => mistake),
    warnings: secretFileVariables
      .filter((name) => envFile[name])
      .map((name) => `${name} has no effect in .env; set it in the environment`),
  };
}

interface Reading {
  readonly env: string;
  readonly value?: string;
  readonly mistake?: string;
}

function readOne(env: string, path: string, given: string | undefined, read: typeof readSecret): Reading {
  if (given) return { env, mistake: `${env} and ${fileVariable(env)} are both set; expected one of them` };
  try {
    return { env, value: read(path) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { env, mistake: `${fileVariable(env)} names a file that cannot be read: ${why}` };
  }
}

function readSecret(path: string): string {
  const text = readFileSync(path, "utf8");
  if (text.length > longest) throw new Error(`${path} is longer than ${longest / 1024} KiB`);
  return text;
}
