import type { CommandContext } from "./command.ts";
import { packages } from "./commands/packages.ts";

const question = "openssl@<3.0.13";

/** Answers which images have a package, if the bot has read them. Otherwise it says how to ask. */
export async function answerQuestion(context: CommandContext, readsImages: boolean, tell: (line: string) => void): Promise<void> {
  if (!readsImages) {
    tell(`Which images have a package? While a bot that reads images is running, npm start -- packages '${question}' answers.`);
    return;
  }
  tell(`Which images have a package? The bot has looked into them. npm start -- packages '${question}' answers:`);
  await packages(context, { words: [question], diff: false, json: false });
}
