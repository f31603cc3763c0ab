import type { Surroundings } from "../app/surroundings.ts";
import type { Config } from "../config/options.ts";
import { type ImageReference, parseImageReference } from "../core/images/image-reference.ts";
import { asJobError } from "../core/jobs/errors.ts";
import type { Screen } from "./screen.ts";

/** What every command is given of the outside world. */
export interface CommandContext extends Surroundings {
  readonly config: Config;
  readonly screen: Screen;
  /** Fires when the bot is asked to stop. */
  readonly signal: AbortSignal;
  /** A file's text, or standard input's for `-`. */
  readonly readInput: (path: string) => Promise<string>;
}

/** The images named on a command line. Throws `UsageError`. */
export function readReferences(images: readonly string[]): readonly ImageReference[] {
  return images.map((image) => {
    try {
      return parseImageReference(image);
    } catch (error) {
      throw new UsageError(asJobError(error).message);
    }
  });
}

/** A mistake of the caller. It is shown without a stack. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
