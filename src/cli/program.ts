import { Command, CommanderError } from "commander";
import { nearestName } from "../config/environment/nearest-name.ts";
import type { Flags } from "../config/sources.ts";
import { type CommandCall, declareCommands, refuseUnknown, suggestion } from "./declare-commands.ts";
import { renderHelp } from "./help.ts";
import { addOptionFlags, readFlags } from "./option-flags.ts";

/** A command with its settings, or a text to print: help for standard output (0), a usage mistake for standard error (2). */
export type Invocation =
  | (CommandCall & { readonly flags: Flags })
  | { readonly command: "print"; readonly text: string; readonly exitCode: 0 | 2 };

export interface ProgramSettings {
  readonly version: string;
  /** Width of the terminal; help is between 60 and 100 characters wide. Default 80. */
  readonly columns?: number | undefined;
}

/** Reads the arguments after the program's name. Touches nothing and prints nothing. */
export function parseArguments(argv: readonly string[], settings: ProgramSettings): Invocation {
  let call: CommandCall | undefined;
  let output = "";
  const program = createProgram(settings, {
    call: (asked) => (call = asked),
    write: (text) => (output += text),
  });
  try {
    program.parse(withHelpFlag(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: "print", text: output, exitCode: 0 };
    return { command: "print", text: usageMistake(error, program), exitCode: 2 };
  }
  return { ...(call ?? { command: "watch" }), flags: readFlags(program) };
}

/** commander's `help` takes one word; `help jobs retry` is meant as well. */
function withHelpFlag(argv: readonly string[]): readonly string[] {
  const [first, ...words] = argv;
  return first === "help" && words.length > 1 ? [...words, "--help"] : argv;
}

/** The commands and flags there are, for completing them. */
export function describeProgram(version: string): {
  readonly commands: readonly string[];
  readonly jobs: readonly string[];
  readonly flags: readonly string[];
} {
  const program = createProgram({ version }, { call: () => undefined, write: () => undefined });
  const jobs = program.commands.find((command) => command.name() === "jobs");
  return {
    commands: program.commands.map((command) => command.name()),
    jobs: jobs?.commands.map((command) => command.name()) ?? [],
    flags: [...new Set(flagsOf(program))].toSorted(),
  };
}

interface Sinks {
  readonly call: (call: CommandCall) => void;
  readonly write: (text: string) => void;
}

function createProgram({ version, columns = 80 }: ProgramSettings, { call, write }: Sinks): Command {
  const width = Math.min(Math.max(columns, 60), 100);
  const program = new Command("build-watcher")
    .description(
      "Watches builds on OpenShift, and copies, analyzes and shows every image they make. Without a command it watches.",
    )
    .usage("[command] [settings]")
    .version(version, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Print this help.")
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => undefined, getOutHelpWidth: () => width, getOutHasColors: () => false })
    .configureHelp({ formatHelp: (command, helper) => renderHelp(command, helper, width) })
    .helpCommand("help [command]", "Print the help of a command.")
    .action((_options: unknown, command: Command) => {
      refuseUnknown(command);
      call({ command: "watch" });
    });
  addOptionFlags(program);
  declareCommands(program, call);
  // after the commands, which would inherit it: a word that is no command gets an answer of its own
  return program.allowExcessArguments();
}

/** The mistake in one sentence. The text behind a flag's = is left out: it may be the secret of a misspelt password flag. */
function usageMistake({ code, message }: CommanderError, program: Command): string {
  const sentence = message.replace(/^error: /, "");
  const [, flag = ""] = /^unknown option '([^'=]*)/.exec(sentence) ?? [];
  const mistakes: Readonly<Record<string, string>> = {
    "commander.unknownOption": unknownFlag(flag, flagsOf(program)),
    "commander.help": "there is no such command to help with",
  };
  const mistake = mistakes[code] ?? sentence;
  return `build-watcher: ${mistake}\nbuild-watcher --help shows what there is.\n`;
}

function unknownFlag(flag: string, flags: readonly string[]): string {
  if (flags.includes(flag)) {
    const longer = flags.find((other) => other.endsWith(flag.slice(1)) && other !== flag);
    return `option '${flag}' takes no value, or belongs to another command${suggestion(longer)}`;
  }
  return `unknown option '${flag}'${suggestion(nearestName(flag, flags))}`;
}

function flagsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long = [] }) => long), ...command.commands.flatMap(flagsOf)];
}
