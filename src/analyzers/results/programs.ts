import { findProgram } from "../../children/find-program.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import { JobError } from "../../core/jobs/errors.ts";

/** The path of a command's program, searched on PATH where it is a bare name. Throws `JobError("AnalyzerUnavailable")`. */
export async function programOf(program: string, { env }: Pick<HostProcess, "env">, command: string): Promise<string> {
  const found = await findProgram(program, env.PATH);
  if (found !== undefined) return found;
  throw new JobError(
    "AnalyzerUnavailable",
    `${command}: the program ${program} cannot be run. Put it into the bot's image, or correct its args in BUILD_WATCHER_COMMANDS_FILE.`,
  );
}
