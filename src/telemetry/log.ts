import { type DestinationStream, type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type { Logger };

export interface LogSettings {
  readonly verbose: boolean;
  /** Plain lines for people instead of JSON. */
  readonly plain: boolean;
  readonly colour: boolean;
  readonly deploymentName: string | undefined;
  /** Texts that must never appear in a line, wherever they come from. */
  readonly secrets: readonly string[];
}

/** Fields whose values are never shown, should one ever be logged. */
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

function plainStream(colour: boolean, destination: DestinationStream): DestinationStream {
  return pretty({
    colorize: colour,
    translateTime: "SYS:HH:MM:ss",
    hideObject: true,
    messageFormat: (line, messageKey) => [line[messageKey], ...details(line)].join("  "),
    sync: true,
    destination: { write: (line: string) => destination.write(line) } as NodeJS.WritableStream & { write(line: string): boolean },
  });
}

const notDetails = new Set(["level", "time", "msg", "deployment"]);

function details(line: Record<string, unknown>): string[] {
  return Object.entries(line)
    .filter(
      ([key, value]) =>
        !notDetails.has(key) && value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0),
    )
    .map(([key, value]) => `${key}=${show(value)}`);
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.map(show).join(", ");
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

function scrubber(secrets: readonly string[]): (line: string) => string {
  const texts = secrets
    .filter(Boolean)
    .flatMap((secret) => [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])]);
  return (line) => texts.reduce((shown, secret) => shown.replaceAll(secret, "***"), line);
}
