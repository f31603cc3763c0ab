import { describe, expect, it } from "vitest";
import type { Digest } from "../../../src/core/images/image-reference.ts";
import type { Contract } from "./contract.ts";

const [a, b] = ["a", "b"].map((letter): Digest => `sha256:${letter.repeat(64)}`) as [Digest, Digest];
const tag = "push.example/mirror/shop-app:latest";

/** Which image a moving tag is for. */
export function describeTags({ open, reopen }: Contract): void {
  describe("moving tags", () => {
    it("go to the latest completion, whatever the order in which the images come, and after a restart, too", async () => {
      const queue = await open();
      expect(await queue.tags.latest(tag, { digest: b, completedAt: 2_000 })).toBe(b);
      expect(await queue.tags.latest(tag, { digest: a, completedAt: 1_000 })).toBe(b);
      const again = await reopen(queue);
      expect(await again.tags.latest(tag, { digest: a, completedAt: 1_999 })).toBe(b);
      expect(await again.tags.latest(tag, { digest: a, completedAt: 3_000 })).toBe(a);
      expect(await again.tags.latest(tag, { digest: b, completedAt: 2_000 })).toBe(a);
      expect(await again.tags.latest(`${tag}-other`, { digest: b, completedAt: 1 })).toBe(b);
    });

    it("are forgotten long after jobs are, and not before", async () => {
      const queue = await open();
      const day = 24 * 3_600_000;
      await queue.tags.latest(tag, { digest: b, completedAt: 10 * day });
      await queue.forget({ endedBefore: 100 * day, seenBefore: 100 * day });
      expect(await queue.tags.latest(tag, { digest: a, completedAt: day })).toBe(b);
      await queue.forget({ endedBefore: 300 * day, seenBefore: 300 * day });
      expect(await queue.tags.latest(tag, { digest: a, completedAt: day })).toBe(a);
    });
  });
}
