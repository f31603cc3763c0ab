import { describe, expect, it } from "vitest";
import type { BuildSighting } from "../../src/cluster/cluster.ts";
import { createHealth } from "../../src/server/health.ts";
import { fakeClock } from "../support/fake-clock.ts";

const watchTimeout = 120_000;
const minute = 60_000;

function synced(namespace: string | undefined): BuildSighting {
  return { kind: "synced", namespace, startedAt: 0 };
}

function trouble(namespace: string | undefined, retryIn: number): BuildSighting {
  return { kind: "trouble", namespace, reason: "Forbidden", message: `Grant it in ${namespace}`, retryIn };
}

function monitored(namespaces: readonly (string | undefined)[] = ["shop"]) {
  const clock = fakeClock();
  return { clock, health: createHealth({ namespaces, watchTimeout, clock }) };
}

describe("readiness", () => {
  it("comes when every watched namespace was listed once, and names those that were not", () => {
    const { health } = monitored(["shop", "bank"]);
    expect(health.readiness()).toEqual({
      ok: false,
      because: ["Builds of shop: not listed yet", "Builds of bank: not listed yet"],
    });
    health.see(synced("shop"));
    expect(health.readiness()).toEqual({ ok: false, because: ["Builds of bank: not listed yet"] });
    health.see(synced("bank"));
    expect(health.readiness()).toEqual({ ok: true });
  });

  it("is one list where the whole cluster is watched", () => {
    const { health } = monitored([undefined]);
    expect(health.readiness()).toEqual({ ok: false, because: ["Builds of all namespaces: not listed yet"] });
    health.see(synced(undefined));
    expect(health.readiness()).toEqual({ ok: true });
  });

  it("says what keeps a namespace from being listed", () => {
    const { health } = monitored(["shop"]);
    health.see(trouble("shop", 0));
    expect(health.readiness()).toEqual({ ok: false, because: ["Builds of shop: Grant it in shop"] });
  });

  it("outlives trouble that comes after the list", () => {
    const { health } = monitored();
    health.see(synced("shop"));
    health.see(trouble("shop", 0));
    expect(health.readiness()).toEqual({ ok: true });
  });

  it("does not wait for good for a namespace that the server refuses while others are read", () => {
    const { health } = monitored(["shop", "gone"]);
    for (let times = 0; times < 3; times++) health.see(trouble("gone", 0));
    expect(health.readiness()).toMatchObject({ ok: false });
    health.see(synced("shop"));
    expect(health.readiness()).toEqual({ ok: true });
  });

  it("counts what is watched so far", () => {
    const { health } = monitored([]);
    expect(health.readiness()).toEqual({ ok: false, because: ["No namespace is watched yet."] });
    health.see({
      kind: "watches",
      watches: [{ namespace: "shop" }, { source: "buildruns", what: "BuildRun", namespace: "shop" }],
    });
    health.see(synced("shop"));
    expect(health.readiness()).toEqual({ ok: false, because: ["BuildRuns of shop: not listed yet"] });
    health.see({ kind: "watches", watches: [{ namespace: "shop" }] });
    expect(health.readiness()).toEqual({ ok: true });
  });

  it("ends when the bot is asked to stop", () => {
    const { health } = monitored();
    health.see(synced("shop"));
    health.stop();
    expect(health.readiness()).toEqual({ ok: false, because: ["The bot is stopping."] });
  });
});

describe("a database that cannot be used", () => {
  it("makes the bot not ready, with its message, but never not alive", async () => {
    const clock = fakeClock();
    let trouble: { readonly message: string } | undefined;
    const health = createHealth({ namespaces: ["shop"], watchTimeout: 2 * minute, trouble: () => trouble, clock });
    health.see(synced("shop"));
    trouble = { message: "The database is gone." };
    for (let passed = 0; passed < 60; passed += 5) {
      await clock.advance(5 * minute);
      expect(health.liveness()).toEqual({ ok: true });
    }
    expect(health.readiness()).toEqual({ ok: false, because: ["The database is gone."] });
    trouble = undefined;
    expect(health.readiness()).toEqual({ ok: true });
    expect(health.liveness()).toEqual({ ok: true });
    await clock.advance(10 * minute);
    expect(health.liveness().ok).toBe(false);
  });
});

describe("liveness", () => {
  const sightings: readonly (readonly [string, BuildSighting])[] = [
    ["builds", { kind: "builds", namespace: "shop", builds: [], listed: false }],
    ["a complete list", synced("shop")],
    ["a sign of life", { kind: "alive", namespace: "shop" }],
    ["trouble", trouble("shop", 0)],
    ["anything of another namespace", { kind: "alive", namespace: "bank" }],
  ];

  it.each(sightings)("lasts for three silent watches and an outage's pace after %s", async (_name, sighting) => {
    const { clock, health } = monitored(["shop", "bank"]);
    await clock.advance(8 * minute);
    health.see(sighting);
    await clock.advance(9 * minute);
    expect(health.liveness()).toEqual({ ok: true });
    await clock.advance(1000);
    expect(health.liveness()).toEqual({ ok: false, because: ["The watch of builds has shown no life for 541 seconds."] });
    health.see(sighting);
    expect(health.liveness()).toEqual({ ok: true });
  });

  it("waits through a pause that the server asked for", async () => {
    const { clock, health } = monitored();
    health.see(trouble("shop", 5 * minute));
    await clock.advance(14 * minute);
    expect(health.liveness()).toEqual({ ok: true });
    await clock.advance(1000);
    expect(health.liveness()).toMatchObject({ ok: false });
  });

  it("is not asked of a watch that was ended on purpose", async () => {
    const { clock, health } = monitored();
    health.stop();
    await clock.advance(60 * minute);
    expect(health.liveness()).toEqual({ ok: true });
  });

  it("does not depend on readiness", () => {
    const { health } = monitored();
    expect(health.liveness()).toEqual({ ok: true });
  });
});
