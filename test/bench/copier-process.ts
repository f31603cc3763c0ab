import { systemClock } from "../../src/core/clock.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { type OpenImageCopier, openImageCopier } from "../../src/registry/skopeo/skopeo-copier.ts";
import { offer } from "./remote.ts";

const plainHttp = { sourceVerifyTls: false, destinationVerifyTls: false };

let copier: OpenImageCopier | undefined;

const functions = {
  async open(pushRegistry: string, stateDirectory: string, perRegistry: number): Promise<void> {
    copier = await openImageCopier({
      ...{ pushRegistry, stateDirectory, perRegistry, ...plainHttp },
      layout: "default",
      skip: [],
      commandTimeout: 600_000,
      loginFor: async () => undefined,
      clock: systemClock,
      host: process,
    });
  },
  async copyAll(sources: readonly string[], workers: number): Promise<void> {
    const queue = sources.map((name) => parseImageReference(name));
    const { signal } = new AbortController();
    const work = async () => {
      for (let image = queue.shift(); image; image = queue.shift()) await copier?.copy(image, signal);
    };
    await Promise.all(Array.from({ length: workers }, work));
  },
  close: async () => copier?.close(),
};

/** The copier as the bot has it: in a process that runs for long and is small. What it costs to start a child grows with the memory of its parent. */
export type CopierProcess = typeof functions;

offer(functions);
