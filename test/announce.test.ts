import { describe, expect, it } from "vitest";
import type { Build } from "../src/sources/openshift-builds.ts";
import { createWorld, type World, type WorldOptions } from "./support/bot.ts";
import { aBuild } from "./support/fixtures.ts";
import { completedBuild } from "./support/submissions.ts";

const namespace = "golang-builder";
const prefix = "build-watcher.thoth-station.ninja/";
const both = { BUILD_WATCHER_ANNOTATE: "1", BUILD_WATCHER_EVENTS: "1" };

type Line = Readonly<Record<string, unknown>>;
const saying = (message: string) => (line: Line) => line.msg === message;

/** What the bot wrote onto a Build. */
function annotations({ cluster }: World, name: string): Readonly<Record<string, string>> {
  const { metadata } = (cluster.get("builds", namespace, name) ?? {}) as Build;
  const own = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}

interface EventObject {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: Readonly<Record<string, string>>;
}

async function events({ cluster }: World): Promise<readonly EventObject[]> {
  const response = await fetch(`${cluster.url}/apis/events.k8s.io/v1/events`, { headers: { authorization: "Bearer t" } });
  return ((await response.json()) as { items: EventObject[] }).items;
}

function createKnownWorld(options: WorldOptions = {}): Promise<World> {
  return createWorld({ token: "t", tokens: { t: "system:serviceaccount:bots:build-watcher" }, ...options });
}

describe("a build that was submitted", () => {
  it("says so itself: state, analysis and link, then how the analysis ended", async () => {
    await using world = await createKnownWorld({ states: ["running", "success"] });
    world.cluster.put("builds", completedBuild("app"));
    const bot = world.bot([], both);
    await expect.poll(() => annotations(world, "app-1").analysis).toBe("succeeded");
    expect(annotations(world, "app-1")).toMatchObject({ state: "submitted", "analysis-id": expect.stringMatching(/./) });
    await bot.stop();
    const [event, ...more] = await events(world);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: "Normal",
      reason: "Submitted",
      note: expect.stringContaining("was submitted for analysis"),
    });
    expect(event?.regarding).toMatchObject({ kind: "Build", name: "app-1", uid: completedBuild("app").metadata.uid });
    expect(world.analysis.received).toBe(1);
  });

  it("stays as it is unless that was asked for, and in a dry run", async () => {
    await using world = await createKnownWorld();
    world.cluster.put("builds", completedBuild("app"));
    for (const environment of [{}, { ...both, BUILD_WATCHER_DRY_RUN: "1" }]) {
      const bot = world.bot([], environment);
      await bot.logged(saying("Job done"));
      await bot.stop();
    }
    expect(world.cluster.requests.filter(({ verb }) => verb === "patch" || verb === "create")).toEqual([]);
  });
});

describe("a build whose submission fails", () => {
  it("says so at the first failure and at the end, not in between", async () => {
    await using world = await createKnownWorld();
    world.analysis.fail({ status: 500 }, 2);
    world.cluster.put("builds", completedBuild("app"));
    const bot = world.bot([], both);
    await expect.poll(() => annotations(world, "app-1")).toMatchObject({ state: "retrying" });
    expect(annotations(world, "app-1").reason).toMatch(/^Analyzer/);
    await expect.poll(() => annotations(world, "app-1").state).toBe("submitted");
    expect(annotations(world, "app-1")).not.toHaveProperty("reason");
    await bot.stop();
    const told = await events(world);
    expect(told.map(({ type, reason }) => `${type} ${reason}`).sort()).toEqual([
      "Normal Submitted",
      "Warning SubmissionRetrying",
    ]);
  });

  it("for good says why", async () => {
    await using world = await createKnownWorld();
    world.analysis.fail({ status: 400, body: { error: "no such image" } }, Number.POSITIVE_INFINITY);
    world.cluster.put("builds", completedBuild("app"));
    const bot = world.bot([], both);
    await expect.poll(() => annotations(world, "app-1")).toEqual({ state: "failed", reason: "AnalyzerRejected" });
    await bot.stop();
    const note = expect.stringMatching(/^AnalyzerRejected: (?!.*no such image)/);
    expect(await events(world)).toMatchObject([{ type: "Warning", reason: "SubmissionFailed", note }]);
  });
});

describe("a cluster that does not let the bot write", () => {
  const reading = { verbs: ["get", "list", "watch"], apiGroups: ["*"], resources: ["*"] };

  it("costs one warning each, which names right, grant and setting, and no job", async () => {
    await using world = await createKnownWorld({ rules: [reading] });
    for (const name of ["a", "b", "c"]) world.cluster.put("builds", completedBuild(name));
    const bot = world.bot([], both);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 3);
    await bot.logged(saying("Annotations of builds cannot be written"));
    await bot.logged(saying("Events of builds cannot be written"));
    expect(await bot.stop()).toBe(0);
    const warnings = bot.lines.filter(({ msg }) => String(msg).includes("cannot be written"));
    expect(warnings).toHaveLength(2);
    const grant = `oc process --local -f openshift/rbac-writing.yaml -p NAMESPACE=bots -p THOTH_WATCHED_NAMESPACE=${namespace} | oc apply -f -`;
    expect(warnings.find(({ setting }) => setting === "BUILD_WATCHER_ANNOTATE")?.error).toContain(
      `cannot patch builds in namespace ${namespace}, or there is no such namespace. Grant it: ${grant}`,
    );
    expect(warnings.find(({ setting }) => setting === "BUILD_WATCHER_EVENTS")?.error).toContain(
      `cannot create events in namespace ${namespace}, or there is no such namespace. Grant it: ${grant}`,
    );
  });

  it("and does not even answer neither delays a job nor the bot's end", async () => {
    await using world = await createKnownWorld();
    world.cluster.fail("write", "hang", Number.POSITIVE_INFINITY);
    for (const name of ["a", "b", "c"]) world.cluster.put("builds", aBuild({ ...completedBuild(name).metadata, namespace }));
    const bot = world.bot([], both);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 3);
    expect(await bot.stop()).toBe(0);
  });
});
