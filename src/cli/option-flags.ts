import { type Command, Option as CommandOption } from "commander";
import { type Option, optionEntries } from "../config/options.ts";
import { placeholderOf } from "../config/reference/render.ts";
import type { Flags } from "../config/sources.ts";

/** Gives a command every flag of the table of settings. Values stay texts: what is right is decided where the variables are read, too. */
export function addOptionFlags(command: Command): void {
  for (const [, option] of optionEntries) {
    for (const commandOption of commandOptions(option)) command.addOption(commandOption);
  }
}

/** What the command line said, by the names of the settings. */
export function readFlags(command: Command): Flags {
  const given: Readonly<Record<string, string | true | readonly string[] | undefined>> = command.opts();
  const flags = optionEntries.flatMap(([name, option]) => {
    const values = commandOptions(option).flatMap((commandOption) => given[commandOption.attributeName()] ?? []);
    const value = option.type === "list" ? values.filter((item) => item !== true) : values[0];
    return values.length === 0 ? [] : [[name, value] as const];
  });
  return Object.fromEntries(flags);
}

/** One for the flag, and one for each further name. */
function commandOptions(setting: Option): CommandOption[] {
  const { flag, short, aliases = [], type } = setting;
  if (flag === undefined) return [];
  const value = type === "boolean" ? "" : ` ${placeholderOf(setting)}`;
  const names = [short ? `-${short}, --${flag}` : `--${flag}`, ...aliases.map((alias) => `--${alias}`)];
  return names.map((name) => {
    const option = new CommandOption(`${name}${value}`);
    // commander takes --no-x for switching off an x; here it is a setting like any other
    option.negate = false;
    return type === "list" ? option.argParser<readonly string[]>((item, items = []) => [...items, item]) : option;
  });
}
