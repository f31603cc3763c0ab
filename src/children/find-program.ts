import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** The path of a program that can be run: its own, or the first one on PATH for a bare name. Undefined if there is none. */
export async function findProgram(program: string, path = ""): Promise<string | undefined> {
  const places = program.includes("/") ? [program] : path.split(delimiter).map((directory) => join(directory, program));
  for (const place of places) {
    const isProgram = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return place;
  }
  return undefined;
}
