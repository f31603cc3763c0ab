import { describe, expect, it, onTestFinished } from "vitest";
import type { BuildSighting } from "../../src/cluster/cluster.ts";
import { type BuildOutcome, ofDeleted } from "../../src/core/builds/build-outcome.ts";
import { createBuilds } from "../../src/server/builds.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { openPageServer } from "../support/page-server.ts";

const start = Date.parse("2026-11-27T03:00:00Z");
const minute = 60_000;

function builds({ track = [] as readonly string[] } = {}) {
  const clock = fakeClock(start);
  const monitor = createBuilds({ track, matchesLabels: ({ team }) => team !== "other" }, clock);
  return {
    clock,
    monitor,
    see: (...outcomes: BuildOutcome[]) => monitor.see(sighting(outcomes)),
    names: () => {
      const { running, failed } = monitor.read();
      return { running: running.map(({ build }) => build.name), failed: failed.map(({ build }) => build.name) };
    },
  };
}

function sighting(outcomes: readonly BuildOutcome[], listed = false): BuildSighting {
  return { kind: "builds", namespace: "shop", builds: outcomes, listed };
}

function facts(name: string) {
  const buildConfig = `shop/${name.replace(/-\d+$/, "")}`;
  return { build: { namespace: "shop", name, uid: name }, buildConfig, labels: {} };
}

function running(name: string, ago = 0): BuildOutcome {
  const startedAt = new Date(start - ago * minute).toISOString();
  return { kind: "pending", phase: "Running", ...facts(name), startedAt };
}

function ended(name: string, kind: "succeeded" | "failed", ago = 0): BuildOutcome {
  const its = { ...facts(name), outputs: [], completedAt: new Date(start - ago * minute).toISOString() };
  return kind === "failed" ? { kind, phase: "Failed", reason: "AssembleFailed", ...its } : { kind, phase: "Complete", ...its };
}

describe("builds that run", () => {
  it("are those that have not ended, the one that runs for longest first", () => {
    const { see, names } = builds();
    see(running("web-1", 1), running("api-1", 9), running("db-1", 4));
    see(ended("db-1", "succeeded"));
    expect(names().running).toEqual(["api-1", "web-1"]);
  });

  it("are gone when their Build is deleted, or a complete list no longer shows it", async () => {
    const { see, names, clock, monitor } = builds();
    see(running("web-1"), running("api-1"));
    see(ofDeleted(running("web-1")));
    expect(names().running).toEqual(["api-1"]);
    await clock.advance(minute);
    monitor.see({ kind: "synced", namespace: "shop", startedAt: clock.now() });
    expect(names().running).toEqual([]);
  });

  it("are forgotten when their namespace is no longer watched", () => {
    const { see, names, monitor } = builds();
    see(running("web-1"));
    monitor.see({ kind: "watches", watches: [{ namespace: "bank" }] });
    expect(names().running).toEqual([]);
  });

  it("are only those that are wanted, and a pipeline's tasks are a part of it", () => {
    const { see, names } = builds({ track: ["shop/web"] });
    see(running("web-1"), running("api-1"));
    see({ ...running("web-2"), labels: { team: "other" } } as BuildOutcome);
    see({ ...running("web-3"), madeFor: "shop/release-1" } as BuildOutcome);
    expect(names().running).toEqual(["web-1"]);
  });
});

describe("builds that failed", () => {
  it("are the last of their BuildConfig, in any order of a list", () => {
    const { see, names } = builds();
    see(ended("web-2", "succeeded", 1), ended("web-1", "failed", 9), ended("api-2", "failed", 3), ended("api-1", "succeeded", 8));
    expect(names().failed).toEqual(["api-2"]);
    see(ended("api-3", "succeeded"));
    expect(names().failed).toEqual([]);
  });

  it("are shown for a week", () => {
    const { see, names } = builds();
    see(ended("web-1", "failed", 8 * 24 * 60), ended("api-1", "failed", 6 * 24 * 60));
    expect(names().failed).toEqual(["api-1"]);
  });
});

it("are a line of the page that unfolds, with links to the console, and a part of the status", async () => {
  const server = await openPageServer({ console: "https://console.example.com" });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const now = new Date().toISOString();
  server.builds.see(
    sighting([running("web-7"), { ...ended("api-<b>", "failed"), completedAt: now, reason: "PushFailed" } as BuildOutcome]),
  );
  const page = await (await server.get("/", { accept: "text/html" })).text();
  expect(page).toContain("1 build failed on the cluster");
  expect(page).toContain("1 build running");
  expect(page).toContain("shop/api-&lt;b&gt;");
  expect(page).toContain('href="https://console.example.com/k8s/ns/shop/builds/web-7"');
  expect(await (await server.get("/api/status")).json()).toMatchObject({
    builds: {
      running: 1,
      failed: 1,
      listed: [
        { build: "shop/api-<b>", kind: "Build", state: "failed", reason: "PushFailed" },
        { build: "shop/web-7", state: "running" },
      ],
    },
  });
});
