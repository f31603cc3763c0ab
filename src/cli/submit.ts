import { openApp } from "../app.ts";
import { parseImageReference } from "../core/image-reference.ts";
import { imageJob } from "../core/job.ts";
import type { CommandContext } from "./command.ts";

/** Submits the images named: 0 when all were accepted. An image named by tag is submitted every time, one named by digest once. */
export async function submit(context: CommandContext, images: readonly string[]): Promise<number> {
  const { config, log, signal } = context;
  const references = images.map(parseImageReference);
  await using app = await openApp(config, context);
  await app.discover(signal);
  app.work();
  for (const reference of references) {
    const again = config.force || reference.digest === undefined;
    const taken = await app.take(imageJob(reference, "command-line"), { again });
    if (!taken) log.info({ image: images[references.indexOf(reference)] }, "Already submitted; --force submits it again");
  }
  const failed = await app.settled(signal);
  await app.stop();
  return failed > 0 || signal.aborted ? 1 : 0;
}
