import { forPeople, linesForPeople } from "../core/outside-text.ts";

/** Where a command writes: lines that stay, and in a terminal one status line below them that changes. */
export interface Screen {
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Writes lines, in which whatever else would act on a terminal is shown as an escape. */
  write(text: string): void;
  /** Writes text as it is. */
  writeRaw(text: string): void;
  /** Shows a text in the status line, or takes it away; does nothing outside a terminal. */
  status(text: string | undefined): void;
}

/** A stream such as standard output. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const clearLine = "\r\u001b[2K";

/** A screen on a stream such as standard output. */
export function createScreen(output: Output): Screen {
  const isTerminal = output.isTTY === true;
  let shown = "";
  const writeRaw = (text: string) => void output.write(shown ? `${clearLine}${text}${shown}` : text);

  return {
    isTerminal,
    get columns() {
      return output.columns ?? 100;
    },
    write: (text) => writeRaw(linesForPeople(text)),
    writeRaw,
    status(text) {
      if (!isTerminal) return;
      const cleared = shown ? clearLine : "";
      shown = forPeople(text ?? "").slice(0, (output.columns ?? 100) - 1);
      output.write(cleared + shown);
    },
  };
}
