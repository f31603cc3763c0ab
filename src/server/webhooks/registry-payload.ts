import { asJobError } from "../../core/jobs/errors.ts";
import { dockerHub, ecr, github, jfrog, quay } from "./senders/by-tag.ts";
import { azure, distribution, eventGrid, readEventGrid } from "./senders/distribution.ts";
import { harbor } from "./senders/harbor.ts";
import { isObject, type Sender, type Told } from "./senders/reading.ts";
import type { PushedImage } from "./webhook-settings.ts";

/** The images that a web hook says were pushed, and how many other things it mentions. */
export interface PushedImages {
  readonly images: readonly PushedImage[];
  readonly ignored: number;
  /** Names that are not valid, each as a sentence. They count as ignored. */
  readonly notes: readonly string[];
}

const senders: readonly Sender[] = [distribution, azure, harbor, eventGrid, quay, dockerHub, github, ecr, jfrog];

/** The known senders, for people. */
export const senderNames = "Artifactory, Azure, distribution, Docker Hub, ECR, GitHub, Harbor or Quay";

/**
 * Reads what a registry sends after a push. The shape shows the sender; undefined if it is unknown. A known sender is never refused, whatever
 * else the body holds: some give a notification up after three refusals.
 */
export function readRegistryPayload(body: unknown): PushedImages | undefined {
  const told = Array.isArray(body) ? readEventGrid(body) : isObject(body) ? firstOf(body) : undefined;
  return told && collect(told);
}

function firstOf(body: Readonly<Record<string, unknown>>): readonly Told[] | undefined {
  for (const read of senders) {
    const told = read(body);
    if (told) return told;
  }
  return undefined;
}

/** Reads all images that were reported. */
export function collect(told: readonly Told[]): PushedImages {
  const images: PushedImage[] = [];
  const notes: string[] = [];
  for (const read of told) {
    try {
      const image = read();
      if (image) images.push(image);
    } catch (error) {
      notes.push(asJobError(error).message);
    }
  }
  return { images, ignored: told.length - images.length, notes };
}
