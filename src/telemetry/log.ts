import { createRequire } from "node:module";
import { type DestinationStream, type Logger, pino } from "pino";
import type pretty from "pino-pretty";
import { forPeople, jsonForPeople } from "../core/outside-text.ts";
import { formsOf, hide } from "../core/redact.ts";

export type { Logger };

export interface LogSettings {
  readonly verbose: boolean;
  /** Plain lines for people instead of JSON. */
  readonly plain: boolean;
  readonly colour: boolean;
  readonly deploymentName: string | undefined;
  /** Texts that must never appear in a line. */
  readonly secrets: readonly string[];
}

/** Fields whose values are never shown. */
const redactedFields = ["password", "token", "authorization", "headers", "login"];

/** A logger whose lines are JSON, or text in a terminal; known secrets are replaced in both. */
export function createLog(settings: LogSettings, destination: DestinationStream): Logger {
  const { verbose, plain, deploymentName, secrets } = settings;
  const stream = plain ? plainStream(settings.colour, destination) : destination;
  const scrub = scrubber(secrets);
  return pino(
    {
      level: verbose ? "debug" : "info",
      base: deploymentName ? { deployment: deploymentName } : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: redactedFields.flatMap((field) => [field, `*.${field}`]), censor: "***" },
      hooks: { streamWrite: scrub },
    },
    stream,
  );
}

/** One line for people: the message, its subject, then the rest as key=value. Loads what formats it only here: in a pod the lines are JSON. */
function plainStream(colour: boolean, destination: DestinationStream): DestinationStream {
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof pretty;
  const prettify = prettyFactory({
    colorize: colour,
    translateTime: "SYS:HH:MM:ss",
    hideObject: true,
    messageFormat: (line, messageKey) =>
      line.source === "build-log" ? tagged(line, line[messageKey]) : [sayable(line[messageKey]), ...details(line)].join("  "),
  });
  return { write: (line) => destination.write(prettify(line)) };
}

/** A line of a build's log, after the name of the build. */
function tagged({ build, platform }: Record<string, unknown>, text: unknown): string {
  return `${sayable(platform === undefined ? build : `${build} ${platform}`)} | ${sayable(text)}`;
}

/** Fields that the line shows elsewhere, or that only programs need. */
const leftOut = new Set(["level", "time", "msg", "err", "deployment", "job"]);

function details({ subject, ...line }: Record<string, unknown>): string[] {
  const rest = Object.entries(line).filter(([key, value]) => !leftOut.has(key) && value !== undefined && String(value) !== "");
  return [...(subject === undefined ? [] : [show(subject)]), ...rest.map(([key, value]) => `${key}=${show(value)}`)];
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join(", ");
  if (typeof value === "object" && value !== null) return sayable(JSON.stringify(value));
  return sayable(value).replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1…");
}

/** A field stays on one line, cut to this length. */
const longestValue = 20_000;

function sayable(value: unknown): string {
  return forPeople(String(value), longestValue);
}

/**
 * Secrets are replaced only in values: a password that is a common word must not change keys, levels and times. Characters that act on terminals
 * and that JSON does not escape are escaped.
 */
function scrubber(secrets: readonly string[]): (line: string) => string {
  const forms = formsOf(secrets);
  return (line) => jsonForPeople(forms.some((form) => line.includes(form)) ? withoutSecrets(line, forms) : line);
}

function withoutSecrets(line: string, forms: readonly string[]): string {
  const isValue = (key: string) => key !== "level" && key !== "time";
  const scrub = (key: string, value: unknown) => (typeof value === "string" && isValue(key) ? hide(value, forms) : value);
  return `${JSON.stringify(JSON.parse(line), scrub)}\n`;
}
