import { openReading } from "../app/opening/reading.ts";
import { systemClock } from "../core/clock.ts";
import { parseImageReference } from "../core/images/image-reference.ts";
import type { CommandContext } from "./command.ts";
import { packages } from "./commands/packages.ts";

const question = "openssl@<3.0.13";

/** Reads images, as the analyzer `packages` does, and answers which of them have a package; without images it says how to ask. */
export async function answerQuestion(
  context: CommandContext,
  images: readonly string[] | undefined,
  tell: (line: string) => void,
): Promise<void> {
  if (!images) {
    tell(`Which images have a package? While a bot that reads images is running, npm start -- packages '${question}' answers.`);
    return;
  }
  const { config, environment, host, log, signal } = context;
  {
    await using opened = new AsyncDisposableStack();
    const owner = { ownsImage: () => false, registryLogin: async () => undefined };
    const parts = { directory: config.stateDirectory, environment, clock: systemClock, host, log };
    const { inventory, open } = await openReading(config, owner, parts, opened);
    for (const name of images) await inventory.read(await open(parseImageReference(name), signal), signal);
  }
  tell(`Which images have a package? The bot reads them itself. npm start -- packages '${question}' answers:`);
  await packages(context, { words: [question], diff: false, json: false });
}
