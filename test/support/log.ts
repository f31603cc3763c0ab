import { createLog, type Logger } from "../../src/telemetry/log.ts";

export interface CapturedLog {
  readonly log: Logger;
  /** Every line so far, parsed. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** The messages of the lines at one level. */
  messages(level?: string): readonly unknown[];
  /** Everything written, as text. */
  text(): string;
}

/** A real logger whose lines are kept. */
export function captureLog(secrets: readonly string[] = []): CapturedLog {
  const written: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write(line: string) {
      written.push(line);
      lines.push(JSON.parse(line));
    },
  };
  return {
    log: createLog({ verbose: true, plain: false, colour: false, deploymentName: undefined, secrets }, destination),
    lines,
    messages: (level) => lines.filter((line) => level === undefined || line.level === level).map((line) => line.msg),
    text: () => written.join(""),
  };
}
