import { Argument, type Command, Option } from "commander";
import { nearestName } from "../config/environment/nearest-name.ts";
import type { JobsListing } from "./commands/jobs.ts";
import type { PackagesCall } from "./commands/packages.ts";
import { type Shell, shells } from "./completion.ts";
import { listedStates } from "./listed-states.ts";

/** What the command line asks for, without the settings. */
export type CommandCall =
  | { readonly command: "watch" | "scan" | "options" }
  | { readonly command: "submit" | "copy"; readonly images: readonly string[] }
  /** `-` is standard input. */
  | { readonly command: "replay"; readonly file: string }
  | { readonly command: "check" | "status"; readonly json: boolean; readonly all: boolean }
  /** `[namespace/]name` */
  | { readonly command: "logs"; readonly build: string; readonly follow: boolean }
  | { readonly command: "demo"; readonly forever: boolean; readonly fast: boolean }
  | ({ readonly command: "packages" } & PackagesCall)
  | { readonly command: "sbom"; readonly image: string }
  | { readonly command: "ledger-copy"; readonly from: string; readonly to: string }
  | ({ readonly command: "jobs" } & JobsListing)
  | { readonly command: "completion"; readonly shell: Shell }
  /** Either ids or `failed`, for all failed jobs. */
  | { readonly command: "jobs retry"; readonly ids: readonly string[]; readonly failed: boolean }
  | { readonly command: "jobs dismiss"; readonly ids: readonly string[] };

type Call = (call: CommandCall) => void;

/** Declares every command with its arguments and options. `call` gets the one that the command line names. */
export function declareCommands(program: Command, call: Call): void {
  addCommands(program, call);
  addDemoCommand(program, call);
  addPackageCommands(program, call);
  addJobsCommands(program, call);
  addLedgerCommand(program, call);
}

function addCommands(program: Command, call: Call): void {
  const images = ["<image...>", "Image references, by digest where possible."] as const;
  program
    .command("watch")
    .description("Watch builds. The same as no command.")
    .action(() => call({ command: "watch" }));
  program
    .command("scan")
    .description(
      "Submit the images in image streams and wait for them. If a bot is running, hand them to it. Exit code 0: all went well, 1: some failed.",
    )
    .action(() => call({ command: "scan" }));
  program
    .command("submit")
    .description("Submit images by name and wait for them. If a bot is running, hand them to it.")
    .argument(...images)
    .action((names: string[]) => call({ command: "submit", images: names }));
  program
    .command("copy")
    .description("Copy images to the push registry, without submitting them.")
    .argument(...images)
    .action((names: string[]) => call({ command: "copy", images: names }));
  program
    .command("replay")
    .description("Submit the images of Builds from a file, as if they had just ended. If a bot is running, hand them to it.")
    .argument("<file>", "A Build or a List of them as oc get -o json prints it; - for standard input.")
    .action((file: string) => call({ command: "replay", file }));
  program
    .command("check")
    .description("Check the setup and print a fix for each problem. Exit code 0: all is well, 1: something fails.")
    .option("--json", "Print one JSON document.")
    .option("--all", "Show every line instead of a summary.")
    .action(({ json = false, all = false }: { json?: boolean; all?: boolean }) => call({ command: "check", json, all }));
  program
    .command("status")
    .description("Show what is wrong, what the running bot sees, and its queue. Exit code 0: the bot answered.")
    .option("--json", "Print one JSON document.")
    .option("--all", "Show every line instead of a summary.")
    .action(({ json = false, all = false }: { json?: boolean; all?: boolean }) => call({ command: "status", json, all }));
  program
    .command("logs")
    .description("Print a build's log. Exit code 0: there is one.")
    .argument("<build>", "[namespace/]name of a Build.")
    .option("-f, --follow", "Follow the log until the build ends.")
    .action((build: string, { follow = false }: { follow?: boolean }) => call({ command: "logs", build, follow }));
  program
    .command("options")
    .description("Print all settings.")
    .action(() => call({ command: "options" }));
  program
    .command("completion")
    .description("Print a script that completes commands and flags in a shell.")
    .addArgument(new Argument("<shell>", "Which shell.").choices(shells))
    .action((shell: Shell) => call({ command: "completion", shell }));
}

function addDemoCommand(program: Command, call: Call): void {
  program
    .command("demo")
    .description("Watch the bot work on an emulated cluster and analysis service on this machine.")
    .option("--forever", "Go on with new builds until you stop it.")
    .option("--fast", "Do not wait between events, and end at once.")
    .action(({ forever = false, fast = false }: { forever?: boolean; fast?: boolean }) =>
      call({ command: "demo", forever, fast }),
    );
}

function addPackageCommands(program: Command, call: Call): void {
  program
    .command("packages")
    .description("Say which images contain a package. Exit code 0: some do, 1: none does.")
    .argument("<question...>", "A name, with @version or @range if you like, or a package URL. With --diff two images by digest.")
    .option("--diff", "Compare the packages of two images.")
    .option("--json", "Print one JSON document.")
    .action((words: string[], { diff = false, json = false }: { diff?: boolean; json?: boolean }) =>
      call({ command: "packages", words, diff, json }),
    );
  program
    .command("sbom")
    .description("Read an image and print its bill of materials (CycloneDX).")
    .argument("<image>", "Image reference, by digest where possible.")
    .action((image: string) => call({ command: "sbom", image }));
}

function addLedgerCommand(program: Command, call: Call): void {
  const ledger = program
    .command("ledger")
    .description("Move the jobs from files to a database, or back.")
    .action((_options: unknown, command: Command) => {
      refuseUnknown(command);
      command.help();
    });
  ledger
    .command("copy")
    .description(
      "Copy all jobs, followed analyses and notifications. Stop the bots first. If it is interrupted, run it again. Bots then refuse to start on the old place, so that nothing is submitted twice.",
    )
    .argument("<from>", "sqlite (BUILD_WATCHER_STATE_DIR) or postgresql (BUILD_WATCHER_DATABASE_URL).")
    .argument("<to>", "The other one.")
    .action((from: string, to: string) => call({ command: "ledger-copy", from, to }));
  ledger.allowExcessArguments();
}

function addJobsCommands(program: Command, call: Call): void {
  const jobs = program
    .command("jobs")
    .description("List jobs, retry them or dismiss them.")
    .usage("[options] [command]")
    .helpCommand(false)
    .addOption(new Option("--state <state>", "Only jobs in this state.").choices(listedStates))
    .option("--analyzer <name>", "Only jobs for this analyzer.")
    .option("--namespace <name>", "Only jobs of builds in this namespace.")
    .option("--text <text>", "Only jobs that mention every word of this, in names, images or errors.")
    .option("--limit <number>", "How many jobs to list; 0: all.", "30")
    .option("--details", "Print all details of each job.")
    .option("--json", "Print JSON, one job per line. Lists all jobs unless --limit is given.")
    .action((given: ListFlags, command: Command) => {
      refuseUnknown(command);
      call({ command: "jobs", ...readListing(given, command) });
    });
  jobs
    .command("retry")
    .description("Retry jobs now.")
    .argument("[id...]", "Ids of jobs, or their names as the list shows them.")
    .option("--failed", "Retry all failed jobs, and those whose analysis failed.")
    .action((ids: string[], { failed = false }: { failed?: boolean }, command: Command) => {
      refuseListOptions(jobs);
      if (failed === ids.length > 0) command.error("jobs retry needs either ids of jobs or --failed");
      call({ command: "jobs retry", ids, failed });
    });
  jobs
    .command("dismiss")
    .description("End waiting or failed jobs for good.")
    .argument("<id...>", "Ids of jobs, or their names as the list shows them.")
    .action((ids: string[]) => {
      refuseListOptions(jobs);
      call({ command: "jobs dismiss", ids });
    });
  jobs.allowExcessArguments();
}

interface ListFlags extends Pick<JobsListing, "state" | "analyzer" | "namespace" | "text"> {
  readonly limit: string;
  readonly json?: boolean;
  readonly details?: boolean;
}

function readListing({ limit, json = false, details = false, ...wanted }: ListFlags, command: Command): JobsListing {
  if (!/^\d{1,9}$/.test(limit)) command.error(`--limit is ${limit}; expected a whole number, 0 for all jobs`);
  const isDefault = command.getOptionValueSource("limit") === "default";
  const most = (json && isDefault) || Number(limit) === 0 ? undefined : Number(limit);
  return { ...wanted, limit: most, json, details };
}

/** commander reads a parent's options behind its commands, too; those of the list mean nothing there. */
function refuseListOptions(jobs: Command): void {
  const name = Object.keys(jobs.opts()).find((option) => jobs.getOptionValueSource(option) === "cli");
  if (name !== undefined) jobs.error(`option '--${name}' belongs to jobs alone, not to its commands`);
}

/** Fails if the first word names no command. */
export function refuseUnknown(command: Command): void {
  const [word] = command.args;
  if (word === undefined) return;
  const nearest = nearestName(
    word,
    command.commands.map((child) => child.name()),
  );
  command.error(`unknown command '${word}'${suggestion(nearest)}`);
}

/** ` (did you mean …?)`, or nothing. */
export function suggestion(nearest: string | undefined): string {
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}
