import { databasePasswords } from "../../core/hosts/database-url.ts";
import { type Config, type Option, type OptionName, optionEntries } from "../options.ts";
import { defaultText, formatValue, parseValue, type Value } from "../parse-value.ts";

/** The settings that differ from their defaults, for the log. Secrets are shown as "set". */
export function describeConfig(config: Config): Partial<Record<OptionName, string | boolean>> {
  const shown = optionEntries.flatMap(([name, option]) => {
    const value = config[name];
    if (value === undefined || (typeof value === "object" && value.length === 0)) return [];
    if (isDefault(option, value)) return [];
    const text = typeof value === "boolean" ? value : formatValue(option, value);
    return [[name, option.secret ? "set" : text] as const];
  });
  return Object.fromEntries(shown);
}

/** The secrets among the settings: texts that must not appear in any output. */
export function secretsOf(config: Config): readonly string[] {
  return optionEntries.flatMap(([name, option]) => {
    const value = config[name];
    if (!option.secret || value === undefined) return [];
    const texts = [value].flat().filter((text) => typeof text === "string");
    return name === "databaseUrl" ? [...texts, ...texts.flatMap(databasePasswords)] : texts;
  });
}

function isDefault(option: Option, value: Value): boolean {
  const text = defaultText(option);
  const usual = text === undefined ? undefined : parseValue(option, text);
  return usual !== undefined && "value" in usual && formatValue(option, usual.value) === formatValue(option, value);
}
