import type { Digest } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { ContentSummary, ReachableImage } from "./inventory.ts";
import type { DescribedManifest } from "./layers/manifest.ts";
import { createLayersReader, type ImageReaderParts } from "./read-layers.ts";
import type { AssembleParts, ReadContent } from "./reading/messages.ts";
import { ReaderError } from "./reading/readers.ts";

/** What was read of an image. */
interface ReadImage {
  readonly digest: Digest;
  /** Packed contents, in the order of the platforms. */
  readonly contents: readonly Uint8Array[];
  readonly summaries: readonly ContentSummary[];
  /** Whether reading it again would give the same result. */
  readonly isSettled: boolean;
}

export type ReadImageOf = (image: ReachableImage, signal: AbortSignal) => Promise<ReadImage>;

interface ReadPlatform {
  readonly content: ReadContent;
  readonly isSettled: boolean;
}

/** A configuration normally has a few kilobytes. */
const longestConfig = 4 * 1024 * 1024;

/** Reads images: every platform of an index, and every layer of a platform. */
export function createImageReader(parts: ImageReaderParts): ReadImageOf {
  const { readers } = parts;
  const readLayers = createLayersReader(parts);

  return async (image, signal) => {
    const { tag, digest: pinned } = image.reference;
    const { digest, described } = await describe(image, pinned ?? tag ?? "latest", signal);
    const platforms: ReadPlatform[] = [];
    if (described.kind === "index") {
      for (const platform of described.platforms)
        platforms.push(await readPlatform(image, platform.digest, described.reasons, signal));
    } else platforms.push(await readOne(image, digest, described, [], signal));
    return {
      digest,
      contents: platforms.map(({ content }) => content.packed),
      summaries: platforms.map(({ content }) => content.summary),
      isSettled: platforms.every(({ isSettled }) => isSettled),
    };
  };

  async function describe(image: ReachableImage, reference: string, signal: AbortSignal) {
    const { digest, mediaType, bytes } = await image.manifest(reference, signal);
    return { digest, described: await readers.ask("describe", { mediaType, bytes }, signal) };
  }

  async function readPlatform(image: ReachableImage, digest: Digest, reasons: readonly string[], signal: AbortSignal) {
    const { described } = await describe(image, digest, signal);
    const nested = { kind: "unreadable", reason: "it is an index within an index" } as const;
    return readOne(image, digest, described.kind === "index" ? nested : described, reasons, signal);
  }

  async function readOne(
    image: ReachableImage,
    digest: Digest,
    described: Exclude<DescribedManifest, { kind: "index" }>,
    reasons: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadPlatform> {
    if (described.kind === "unreadable") {
      const nothing = { digest, config: Buffer.from("{}"), layers: [], contents: [], reasons: [...reasons, described.reason] };
      return { content: await readers.ask("assemble", nothing, signal), isSettled: true };
    }
    const { layers } = described;
    const config = await readConfig(image, described.config, signal);
    const outcomes = await readLayers(image, layers, signal);
    const troubles = outcomes.flatMap(({ trouble }, index) => (trouble ? [`layer ${index + 1} was not read: ${trouble}`] : []));
    const contents = outcomes.map((outcome) => outcome.contents);
    const parts = { digest, config, layers, contents, reasons: [...reasons, ...troubles] };
    return assemble(parts, troubles.length === 0, signal);
  }

  /** What a reader gives up is an image of which nothing is known, and not a fault of the bot's. */
  async function assemble(parts: AssembleParts, isSettled: boolean, signal: AbortSignal): Promise<ReadPlatform> {
    try {
      return { content: await readers.ask("assemble", parts, signal), isSettled };
    } catch (error) {
      if (!(error instanceof ReaderError)) throw error;
      const reasons = [...parts.reasons, `what is in its layers could not be put together: ${error.message}`];
      const nothing = { digest: parts.digest, config: Buffer.from("{}"), layers: [], contents: [], reasons };
      return { content: await readers.ask("assemble", nothing, signal), isSettled: false };
    }
  }
}

async function readConfig(image: ReachableImage, digest: Digest, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of image.blob(digest, signal)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > longestConfig)
      throw new JobError("ImageDamaged", `The configuration ${digest} of the image is larger than ${longestConfig} bytes`);
  }
  return Buffer.concat(chunks);
}
