import { type Group, groups, type Option, type OptionName, optionEntries } from "../options.ts";
import { defaultText } from "../parse-value.ts";
import { wrapText } from "./wrap-text.ts";

const precedence =
  "A flag wins over the environment, the environment over a .env file in the working directory, that file over the default. " +
  "An empty variable counts as not set.";

const valueForms =
  "Booleans: 1, 0, true or false as a variable, no value as a flag. Lists are separated by commas, and their flag can be repeated. " +
  "Durations are 90 (seconds), 90s, 15m, 72h or 30d; sizes are 4194304 (bytes) or 4MiB.";

const secretForms =
  "Every secret can come from a file: THOTH_DST_REGISTRY_PASSWORD_FILE names the file that holds THOTH_DST_REGISTRY_PASSWORD, and so on.";

/** All settings by group, for a terminal of this width. */
export function renderOptions(columns: number): string {
  return groups.map((group) => renderGroup(group, columns)).join("\n\n");
}

/** Some settings, in the order of their table. */
export function renderSome(names: readonly OptionName[], columns: number): string {
  const some = optionEntries.filter(([name]) => names.includes(name));
  return some.map(([, option]) => renderOption(option, columns)).join("\n");
}

/** The placeholder for a setting's value: `<host>`, or `<runtime|buildtime>` for a choice. A switch has none. */
export function placeholderOf({ type, choices, orCommands, placeholder = "<value>" }: Option): string {
  if (type === "boolean") return "";
  return choices && !orCommands ? `<${choices.join("|")}>` : placeholder;
}

/** The reference of settings as the command `options` prints it. */
export function renderReference(columns: number): string {
  const introduction = [precedence, valueForms, secretForms].map((text) => wrapText(text, columns)).join("\n");
  return `${introduction}\n\n${renderOptions(columns)}\n`;
}

/** The file `.env.example`: every setting, commented out, with its default. */
export function renderEnvExample(): string {
  const introduction = [
    "Settings of build-watcher, with their defaults. Copy this file to .env and remove the # where you want another value.",
    precedence,
    valueForms,
    secretForms,
  ];
  const sections = groups.map((group) => {
    const entries = optionsOf(group).map((option) => `${comment(helpOf(option))}\n#${option.env}=${defaultText(option) ?? ""}`);
    return [`### ${group}`, ...entries].join("\n\n");
  });
  return `${[introduction.map(comment).join("\n"), ...sections].join("\n\n")}\n`;
}

/** The page `docs/settings.md`: a table for each group. */
export function renderSettingsPage(): string {
  const introduction = [
    "# Settings",
    precedence,
    valueForms,
    secretForms,
    "This page is written by `npm run docs` from `src/config/options.ts`.",
  ];
  return `${[...introduction, ...groups.map(renderTable)].join("\n\n")}\n`;
}

function renderGroup(group: Group, columns: number): string {
  return [`${group}:`, ...optionsOf(group).map((option) => renderOption(option, columns))].join("\n");
}

function renderOption(option: Option, columns: number): string {
  const { short, flag, env } = option;
  const placeholder = placeholderOf(option);
  const dashes = flag ? [`${short ? `-${short}, ` : "    "}--${flag}${placeholder ? ` ${placeholder}` : ""}`] : [];
  const variable = flag || !placeholder ? env : `${env}=${placeholder}`;
  const title = `  ${[...dashes, variable].join("  ")}`;
  const heading = title.length <= columns ? title : `  ${[...dashes, variable].join("\n        ")}`;
  return `${heading}\n${wrapText(meaningOf(option), columns, "        ")}`;
}

/** The help with choices, default and further flags. */
function meaningOf(option: Option): string {
  const value = option.default === false ? undefined : defaultText(option);
  return [helpOf(option), value === undefined ? "" : `Default: ${value}.`, aliasesOf(option)].filter(Boolean).join(" ");
}

function helpOf({ help, choices, orCommands }: Option): string {
  return choices ? `${help} ${orCommands ? "Known" : "One of"}: ${choices.join(", ")}.` : help;
}

function aliasesOf({ aliases = [] }: Option): string {
  return aliases.length === 0 ? "" : `Also: ${aliases.map((alias) => `--${alias}`).join(", ")}.`;
}

function renderTable(group: Group): string {
  const rows = optionsOf(group).map((option) => {
    const { short, flag, env } = option;
    const placeholder = placeholderOf(option);
    const flags = [...(short ? [`-${short}`] : []), ...(flag ? [`--${flag}${placeholder ? ` ${placeholder}` : ""}`] : [])];
    const cells = [
      code(env),
      flags.map(code).join(", "),
      code(defaultText(option) ?? ""),
      [helpOf(option), aliasesOf(option)].join(" ").trim(),
    ];
    return row(cells.map((cell) => cell.replaceAll("|", "\\|")));
  });
  return [`## ${group}\n`, row(["Variable", "Flag", "Default", "Meaning"]), row(["---", "---", "---", "---"]), ...rows].join(
    "\n",
  );
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function comment(text: string): string {
  return wrapText(text, 110, "# ");
}

function optionsOf(group: Group): readonly Option[] {
  return optionEntries.map(([, option]) => option).filter((option) => option.group === group);
}
