import type { Command, Help } from "commander";
import { type OptionName, optionEntries } from "../config/options.ts";
import { renderSome } from "../config/reference/render.ts";
import { wrapText } from "../config/reference/wrap-text.ts";

/** The help of a command, for a terminal so many characters wide; that of the program itself shows the most common settings. */
export function renderHelp(command: Command, helper: Help, columns: number): string {
  const sections = [
    `Usage: ${helper.commandUsage(command)}`,
    wrapText(helper.commandDescription(command), columns),
    renderTerms("Commands", commandTerms(command, helper), columns),
    renderTerms("Arguments", argumentTerms(command, helper), columns),
    renderTerms("Options", optionTerms(command, helper), columns),
    renderExamples(examplesOf(command)),
    command.parent
      ? "Settings can be given before or after the command: build-watcher options prints them."
      : mainSettings(columns),
  ];
  return `${sections.filter(Boolean).join("\n\n")}\n`;
}

/** Those that most people need; the others are a command away. */
const common: readonly OptionName[] = [
  "namespaces",
  "analysisHost",
  "pushRegistry",
  "analyzeExisting",
  "dryRun",
  "stateDirectory",
  "port",
  "verbose",
];

function mainSettings(columns: number): string {
  const all = `build-watcher options prints all ${optionEntries.length} settings. Each is a variable, too; a flag wins.`;
  return `Common settings:\n${renderSome(common, columns)}\n\n${wrapText(all, columns)}`;
}

/** By the words after the program's name. */
const examples: Readonly<Record<string, readonly string[]>> = {
  "": [
    "build-watcher demo",
    "build-watcher check -n my-project -a user-api.example.com",
    "build-watcher -n my-project -a user-api.example.com",
    "build-watcher jobs --state failed",
  ],
  check: ["build-watcher check -n shop,bank -a user-api.example.com", "build-watcher check --json"],
  status: ["build-watcher status", "build-watcher status --json"],
  scan: ["build-watcher scan -n my-project -a user-api.example.com"],
  packages: ["build-watcher packages log4j-core@2.14", "build-watcher packages 'openssl@<3.0.13' --json"],
  sbom: ["build-watcher sbom quay.io/org/app:1.2"],
  submit: ["build-watcher submit quay.io/org/app:1.2 -a user-api.example.com"],
  copy: ["build-watcher copy quay.io/org/app:1.2 -r registry.example.com/mirror"],
  replay: ["oc get build app-7 -o json | build-watcher replay -"],
  logs: ["build-watcher logs my-project/app-7 -f"],
  completion: ["source <(build-watcher completion bash)", "build-watcher completion fish | source"],
  jobs: [
    "build-watcher jobs --state failed",
    "build-watcher jobs --namespace shop --text 'manifest unknown' --limit 0",
    "build-watcher jobs --json | jq .subject",
  ],
  "jobs retry": ["build-watcher jobs retry --failed", "build-watcher jobs retry my-project/app-7"],
  "jobs dismiss": ["build-watcher jobs dismiss my-project/app-7"],
};

function examplesOf(command: Command): readonly string[] {
  const words: string[] = [];
  for (let part: Command | null = command; part?.parent; part = part.parent) words.unshift(part.name());
  return examples[words.join(" ")] ?? [];
}

function renderExamples(lines: readonly string[]): string {
  return lines.length === 0 ? "" : ["Examples:", ...lines.map((line) => `  ${line}`)].join("\n");
}

type Term = readonly [name: string, meaning: string];

function commandTerms(command: Command, helper: Help): Term[] {
  return helper.visibleCommands(command).map((child) => [helper.subcommandTerm(child), helper.subcommandDescription(child)]);
}

function argumentTerms(command: Command, helper: Help): Term[] {
  return helper.visibleArguments(command).map((argument) => [helper.argumentTerm(argument), argument.description]);
}

/** Without the settings, which have no description here: they are shown by group. */
function optionTerms(command: Command, helper: Help): Term[] {
  const own = helper.visibleOptions(command).filter((option) => option.description !== "");
  return own.map((option) => [helper.optionTerm(option), helper.optionDescription(option)]);
}

function renderTerms(title: string, terms: readonly Term[], columns: number): string {
  if (terms.length === 0) return "";
  const width = Math.max(...terms.map(([name]) => name.length)) + 4;
  const lines = terms.map(([name, meaning]) => {
    const text = wrapText(meaning, columns, " ".repeat(width));
    return `  ${name}`.padEnd(width) + text.slice(width);
  });
  return [`${title}:`, ...lines].join("\n");
}
