import { describe, expect, it } from "vitest";
import type { Contract } from "./contract.ts";

/** What waits until it is known whether it becomes a job. */
export function describeShelf({ open, reopen }: Contract): void {
  describe("what is put aside", () => {
    const entries = [
      { key: "shop/b", name: "2", text: "two" },
      { key: "shop/b", name: "1", text: "one ✓ {}\n" },
      { key: "shop/a", name: "1", text: "x".repeat(20_000) },
    ];

    it("is there after a restart, by its keys, until it is taken away", async () => {
      const before = await open();
      await before.shelf.put(entries);
      await before.shelf.put([]);
      const { shelf } = await reopen(before);
      expect([...(await shelf.keys())].toSorted()).toEqual(["shop/a", "shop/b"]);
      expect(await shelf.of(["shop/b", "shop/c"])).toEqual(expect.arrayContaining(entries.slice(0, 2)));
      expect(await shelf.of(["shop/a", "shop/b"])).toHaveLength(3);
      await shelf.remove(["shop/b", "shop/c"]);
      expect(await shelf.keys()).toEqual(["shop/a"]);
      expect(await shelf.of(["shop/b"])).toEqual([]);
    });

    it("is there once, in its last state", async () => {
      const { shelf } = await open();
      await shelf.put(entries);
      await shelf.put([{ key: "shop/a", name: "1", text: "new" }]);
      expect(await shelf.of(["shop/a"])).toEqual([{ key: "shop/a", name: "1", text: "new" }]);
    });
  });
}
