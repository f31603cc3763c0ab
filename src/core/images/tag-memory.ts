import type { Digest } from "./image-reference.ts";

/** An image, and when it was completed: milliseconds since the epoch. */
export interface Completion {
  readonly digest: Digest;
  readonly completedAt: number;
}

/** Remembers which image each moving tag of the push registry is for, over restarts and for all bots that copy there. */
export interface TagMemory {
  /**
   * Records that a tag (`registry/repository:tag`) is for a completion, unless one that is later is recorded, and answers the digest of the
   * latest; of two at the same time the one that came last counts. It is durable once this resolves.
   */
  latest(tag: string, completion: Completion): Promise<Digest>;
}

/** A memory that lasts as long as the process. */
export function createTagMemory(): TagMemory {
  const known = new Map<string, Completion>();
  return {
    async latest(tag, completion) {
      const recorded = known.get(tag);
      if (recorded && recorded.completedAt > completion.completedAt) return recorded.digest;
      known.set(tag, completion);
      return completion.digest;
    },
  };
}
