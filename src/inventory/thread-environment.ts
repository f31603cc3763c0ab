import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";

/**
 * The environment of a thread that sees what others have written: none, but for the place where Node keeps compiled code, if it does. With it a
 * thread starts in a third of the time.
 */
export function threadEnvironment(): Record<string, string> {
  const directory = getCompileCacheDir();
  // Node adds a directory of its own version.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}
