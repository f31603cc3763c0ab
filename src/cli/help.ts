import type { Command, Help } from "commander";
import { renderOptions } from "../config/render.ts";
import { wrapText } from "../config/wrap-text.ts";

/** The help of a command, for a terminal so many characters wide; that of the program itself shows all settings. */
export function renderHelp(command: Command, helper: Help, columns: number): string {
  const sections = [
    `Usage: ${helper.commandUsage(command)}`,
    wrapText(helper.commandDescription(command), columns),
    renderTerms("Commands", commandTerms(command, helper), columns),
    renderTerms("Arguments", argumentTerms(command, helper), columns),
    renderTerms("Options", optionTerms(command, helper), columns),
    command.parent
      ? "The settings of build-watcher --help can be given, too, before or after the command."
      : renderOptions(columns),
  ];
  return `${sections.filter(Boolean).join("\n\n")}\n`;
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
