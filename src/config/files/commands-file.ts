import { unknownPlaceholder } from "../../core/images/image-template.ts";
import { ConfigError } from "../config-error.ts";
import { parseDuration } from "../quantities.ts";
import { fieldsOf, readYaml } from "./yaml-file.ts";

const exitMeanings = ["ok", "findings", "retry", "refused"] as const;
export type ExitMeaning = (typeof exitMeanings)[number];

/** A program that looks at images. */
export interface Command {
  readonly name: string;
  readonly args: readonly [string, ...string[]];
  readonly exitCodes: Readonly<Record<string, ExitMeaning>>;
  readonly result?: string;
  readonly environment: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

const usualTimeout = 15 * 60_000;
const keys = ["name", "args", "exitCodes", "result", "environment", "timeout"];
const namePattern = /^[a-z][a-z0-9-]{0,39}$/;
/** Placeholders that only commands have: paths that exist as long as the program runs. */
const paths = ["sbom", "authfile", "outdir"];

/** The commands a YAML file lists under `commands:`. Throws `ConfigError` that names the file and every mistake. */
export function readCommandsFile(path: string, taken: readonly string[]): readonly Command[] {
  const { commands } = fieldsOf(readYaml(path));
  if (!Array.isArray(commands) || commands.length === 0) throw new ConfigError([`${path} has no list commands`]);
  const mistakes: string[] = [];
  const names = [...taken];
  const read = commands.map((entry: unknown, index) => {
    const complain = (what: string) => mistakes.push(`${path}: entry ${index + 1} of commands ${what}`);
    const command = readCommand(fieldsOf(entry), complain);
    if (names.includes(command.name)) complain(`has the name ${command.name}, which is taken`);
    names.push(command.name);
    return command;
  });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return read;
}

function readCommand(fields: Readonly<Record<string, unknown>>, complain: (what: string) => void): Command {
  const { name, args, exitCodes = {}, result, environment = [], timeout } = fields;
  const unknown = Object.keys(fields).find((key) => !keys.includes(key));
  if (unknown !== undefined) complain(`has ${JSON.stringify(unknown)}, which is unknown; there are ${keys.join(", ")}`);
  if (typeof name !== "string" || !namePattern.test(name)) complain("needs a name: lower case letters, digits and -");
  const program = readArguments(args, complain);
  if (result !== undefined && !isFileName(result)) complain("has a result that is no name of a file in {outdir}");
  if (!isTexts(environment) || !environment.every((variable) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)))
    complain("has an environment that is no list of names of variables");
  const limit = timeout === undefined ? usualTimeout : parseDuration(String(timeout));
  if (!limit) complain("has a timeout that is no duration such as 15m");
  return {
    name: String(name),
    args: program,
    exitCodes: readExitCodes(exitCodes, complain),
    ...(result !== undefined && { result: String(result) }),
    environment: isTexts(environment) ? environment : [],
    timeout: limit ?? usualTimeout,
  };
}

function readArguments(args: unknown, complain: (what: string) => void): readonly [string, ...string[]] {
  if (!isTexts(args) || !args[0]) {
    complain("needs args: a list of texts that begins with the program (numbers in quotes)");
    return [""];
  }
  const unknown = args.map((argument) => unknownPlaceholder(argument, paths)).find((name) => name !== undefined);
  if (unknown !== undefined) complain(`has the placeholder {${unknown}} in its args, which is unknown`);
  if (/[{}]/.test(args[0])) complain("has a placeholder in place of the program");
  const [program, ...rest] = args;
  return [program, ...rest];
}

function readExitCodes(exitCodes: unknown, complain: (what: string) => void): Readonly<Record<string, ExitMeaning>> {
  const entries = Object.entries(fieldsOf(exitCodes));
  const isRight = ([code, meaning]: [string, unknown]) =>
    /^\d{1,3}$/.test(code) && Number(code) < 256 && (exitMeanings as readonly unknown[]).includes(meaning);
  if (entries.length === 0 ? Object.keys(Object(exitCodes)).length > 0 : !entries.every(isRight))
    complain(`has exitCodes that are no mapping of 0 to 255 to ${exitMeanings.join(", ")}`);
  return Object.fromEntries(entries) as Record<string, ExitMeaning>;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isFileName(value: unknown): boolean {
  return typeof value === "string" && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(value);
}
