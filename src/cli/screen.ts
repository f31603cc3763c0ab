import { styleText } from "node:util";
import { forPeople, linesForPeople } from "../core/outside-text.ts";

/** What a colour means. */
export type Tone = "good" | "bad" | "warning" | "faint" | "strong";

/** Where a command writes: lines that stay, and in a terminal one status line below them that changes. */
export interface Screen {
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Writes lines, in which whatever else would act on a terminal is shown as an escape. */
  write(text: string): void;
  /** Writes text as it is. */
  writeRaw(text: string): void;
  /** Writes a line of the log as it is: of a one-shot command to standard error. */
  log(line: string): void;
  /** A text in colour, where colour is wanted; to be written raw, so outside text has to be cleaned before. */
  paint(tone: Tone, text: string): string;
  /** Whether colour is wanted. */
  readonly colour: boolean;
  /** Shows a text in the status line, or takes it away; does nothing outside a terminal. */
  status(text: string | undefined): void;
}

/** A stream such as standard output. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ScreenSettings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where log lines go; default: the same stream. */
  readonly logOutput?: Output;
}

const clearLine = "\r\u001b[2K";
const usualColumns = 100;

const formats = { good: "green", bad: "red", warning: "yellow", faint: "dim", strong: "bold" } as const satisfies Record<
  Tone,
  string
>;

/** A screen on a stream such as standard output. */
export function createScreen(output: Output, { environment = {}, logOutput = output }: ScreenSettings = {}): Screen {
  const isTerminal = output.isTTY === true;
  const hasStatusLine = isTerminal && environment.TERM !== "dumb";
  const colour = wantsColour(output, environment);
  let shown = "";
  const through = (stream: Output, text: string) => {
    if (shown === "") return void stream.write(text);
    output.write(clearLine);
    stream.write(text);
    output.write(shown);
  };
  const width = () => positive(environment.COLUMNS) ?? output.columns ?? usualColumns;

  return {
    isTerminal,
    colour,
    get columns() {
      return width();
    },
    write: (text) => through(output, linesForPeople(text)),
    writeRaw: (text) => through(output, text),
    log: (line) => through(logOutput, line),
    paint: (tone, text) => (colour ? styleText(formats[tone], text, { validateStream: false }) : text),
    status(text) {
      if (!hasStatusLine) return;
      const cleared = shown ? clearLine : "";
      shown = forPeople(text ?? "").slice(0, width() - 1);
      output.write(cleared + shown);
    },
  };
}

/** By https://no-color.org and https://force-color.org; a dumb terminal has no colours. */
export function wantsColour(
  { isTTY }: Pick<Output, "isTTY">,
  { NO_COLOR, FORCE_COLOR, TERM }: NonNullable<ScreenSettings["environment"]>,
): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return isTTY === true && TERM !== "dumb";
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
