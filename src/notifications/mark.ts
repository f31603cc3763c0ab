import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A time that survives the end of the process. */
export interface Mark {
  /** Milliseconds since the epoch; undefined when none was written. */
  read(): number | undefined;
  write(time: number): void;
  clear(): void;
}

/** Up to when everything was told, as a file in a directory that is made when it is missing. Methods throw what the file system says. */
export function openMark(directory: string): Mark {
  const file = join(directory, "told-until");
  return {
    read() {
      const time = Number.parseInt(readIfThere(file) ?? "", 10);
      return Number.isNaN(time) ? undefined : time;
    },
    write(time) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const beside = `${file}.new`;
      writeFileSync(beside, `${time}\n`, { mode: 0o600 });
      renameSync(beside, file);
    },
    clear: () => rmSync(file, { force: true }),
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
