import { Command, CommanderError, Option } from "commander";
import { nearestName } from "../config/nearest-name.ts";
import type { Flags } from "../config/sources.ts";
import { type JobState, jobStates } from "../queue/job-queue.ts";
import { renderHelp } from "./help.ts";
import { addOptionFlags, readFlags } from "./option-flags.ts";

/** What the command line asks for, without the settings. */
export type CommandCall =
  | { readonly command: "watch" | "scan" | "options" }
  | { readonly command: "submit" | "copy"; readonly images: readonly string[] }
  /** `-` is standard input. */
  | { readonly command: "replay"; readonly file: string }
  | { readonly command: "check" | "status"; readonly json: boolean; readonly all: boolean }
  /** `[namespace/]name` */
  | { readonly command: "logs"; readonly build: string; readonly follow: boolean }
  | { readonly command: "demo"; readonly forever: boolean }
  | { readonly command: "jobs"; readonly state: JobState | undefined; readonly json: boolean }
  /** Either ids or `failed`, for all failed jobs. */
  | { readonly command: "jobs retry"; readonly ids: readonly string[]; readonly failed: boolean }
  | { readonly command: "jobs dismiss"; readonly ids: readonly string[] };

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
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: "print", text: output, exitCode: 0 };
    return { command: "print", text: usageMistake(error, program), exitCode: 2 };
  }
  return { ...(call ?? { command: "watch" }), flags: readFlags(program) };
}

interface Sinks {
  readonly call: (call: CommandCall) => void;
  readonly write: (text: string) => void;
}

function createProgram({ version, columns = 80 }: ProgramSettings, { call, write }: Sinks): Command {
  const width = Math.min(Math.max(columns, 60), 100);
  const program = new Command("build-watcher")
    .description(
      "Watches OpenShift builds and submits every image they make to an analysis service. Without a command it watches.",
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
  addCommands(program, call);
  addJobsCommands(program, call);
  // after the commands, which would inherit it: a word that is no command gets an answer of its own
  return program.allowExcessArguments();
}

function addCommands(program: Command, call: Sinks["call"]): void {
  const images = ["<image...>", "Image references, by digest where possible."] as const;
  program
    .command("watch")
    .description("Watch for builds; the same as no command.")
    .action(() => call({ command: "watch" }));
  program
    .command("scan")
    .description("Submit what lies in image streams, wait for it and end: 0 when all went well, 1 when some failed.")
    .action(() => call({ command: "scan" }));
  program
    .command("submit")
    .description("Submit images by name.")
    .argument(...images)
    .action((names: string[]) => call({ command: "submit", images: names }));
  program
    .command("copy")
    .description("Copy images to the push registry and nothing more, to try a configuration.")
    .argument(...images)
    .action((names: string[]) => call({ command: "copy", images: names }));
  program
    .command("replay")
    .description("Treat Builds from a file as if they had just ended.")
    .argument("<file>", "A Build or a List of them as oc get -o json prints it; - for standard input.")
    .action((file: string) => call({ command: "replay", file }));
  program
    .command("check")
    .description("Look for what would not work, without working: 0 when all is well, 1 when something fails.")
    .option("--json", "Print one JSON document.")
    .option("--all", "Shorten nothing.")
    .action(({ json = false, all = false }: { json?: boolean; all?: boolean }) => call({ command: "check", json, all }));
  program
    .command("status")
    .description("Say what the running bot sees and does, or what its ledger says: 0 when the bot answered.")
    .option("--json", "Print one JSON document.")
    .option("--all", "Shorten nothing.")
    .action(({ json = false, all = false }: { json?: boolean; all?: boolean }) => call({ command: "status", json, all }));
  program
    .command("logs")
    .description("Print a build's log: 0 when there is one, else 1 and why.")
    .argument("<build>", "[namespace/]name of a Build.")
    .option("-f, --follow", "Go on until the build ends.")
    .action((build: string, { follow = false }: { follow?: boolean }) => call({ command: "logs", build, follow }));
  program
    .command("options")
    .description("Print the reference of settings.")
    .action(() => call({ command: "options" }));
  program
    .command("demo")
    .description("Run against an emulated cluster and analysis service on this machine.")
    .option("--forever", "Go on with new builds until stopped.")
    .action(({ forever = false }: { forever?: boolean }) => call({ command: "demo", forever }));
}

function addJobsCommands(program: Command, call: Sinks["call"]): void {
  const jobs = program
    .command("jobs")
    .description("List the jobs in the ledger; its own commands retry and end them.")
    .usage("[options] [command]")
    .helpCommand(false)
    .addOption(new Option("--state <state>", "Only jobs in this state.").choices(jobStates))
    .option("--json", "Print JSON, a job a line.")
    .action(({ state, json = false }: { state?: JobState; json?: boolean }, command: Command) => {
      refuseUnknown(command);
      call({ command: "jobs", state, json });
    });
  jobs
    .command("retry")
    .description("Try jobs again now.")
    .argument("[id...]", "Ids of jobs.")
    .option("--failed", "All failed jobs.")
    .action((ids: string[], { failed = false }: { failed?: boolean }, command: Command) => {
      refuseListOptions(jobs);
      if (failed === ids.length > 0) command.error("jobs retry needs either ids of jobs or --failed");
      call({ command: "jobs retry", ids, failed });
    });
  jobs
    .command("dismiss")
    .description("End waiting or failed jobs for good.")
    .argument("<id...>", "Ids of jobs.")
    .action((ids: string[]) => {
      refuseListOptions(jobs);
      call({ command: "jobs dismiss", ids });
    });
  jobs.allowExcessArguments();
}

/** commander reads a parent's options behind its commands, too; those of the list mean nothing there. */
function refuseListOptions(jobs: Command): void {
  const [name] = Object.keys(jobs.opts());
  if (name !== undefined) jobs.error(`option '--${name}' belongs to jobs alone, not to its commands`);
}

function refuseUnknown(command: Command): void {
  const [word] = command.args;
  if (word === undefined) return;
  const nearest = nearestName(
    word,
    command.commands.map((child) => child.name()),
  );
  command.error(`unknown command '${word}'${suggestion(nearest)}`);
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
  if (flags.includes(flag)) return `option '${flag}' takes no value, or belongs to another command`;
  return `unknown option '${flag}'${suggestion(nearestName(flag, flags))}`;
}

function flagsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long = [] }) => long), ...command.commands.flatMap(flagsOf)];
}

function suggestion(nearest: string | undefined): string {
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}
