import { describe, expect, it } from "vitest";
import type { Replica } from "../../src/queue/job-queue.ts";
import { openPageServer } from "../support/page-server.ts";

describe("several replicas", () => {
  it("are shown with what each of them runs, on the page and to programs", async () => {
    const now = Date.now();
    const replica = (name: string, running: readonly string[]): Replica => ({
      name,
      isSelf: name === "bot-a",
      startedAt: now - 60_000,
      seenAt: now,
      running: running.map((id) => ({ id, since: now - 1_000 })),
    });
    const replicas = async () => [replica("bot-a", []), replica("bot-b", ["build-uid-7"])];
    await using server = await openPageServer({ queue: { replicas } });
    const page = await (await server.get("/")).text();
    expect(page).toMatch(/Replicas.*2 working.*bot-a.*this one.*bot-b.*runs 1 job.*\/jobs\/build-uid-7/s);
    const status = (await (await server.get("/api/status")).json()) as { replicas: unknown };
    expect(status.replicas).toMatchObject([
      { name: "bot-a", isSelf: true, running: [] },
      { name: "bot-b", isSelf: false, running: [{ id: "build-uid-7" }] },
    ]);
  });

  it("are no words about one that works alone", async () => {
    await using server = await openPageServer();
    expect(await (await server.get("/")).text()).not.toContain("Replicas");
  });
});
