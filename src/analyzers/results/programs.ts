import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { HostProcess } from "../../children/run-directory.ts";
import { JobError } from "../../core/jobs/errors.ts";

/** The path of a program, searched on PATH where it is a bare name. Throws `JobError("AnalyzerUnavailable")`. */
export async function findProgram(program: string, { env }: Pick<HostProcess, "env">, command: string): Promise<string> {
  const places = program.includes("/")
    ? [program]
    : (env.PATH ?? "").split(delimiter).map((directory) => join(directory, program));
  for (const place of places) {
    const found = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  throw new JobError(
    "AnalyzerUnavailable",
    `${command}: the program ${program} cannot be run. Put it into the bot's image, or correct its args in BUILD_WATCHER_COMMANDS_FILE.`,
  );
}
