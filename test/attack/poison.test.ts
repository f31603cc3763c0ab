import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { digestOf, internalRegistry } from "../support/fixtures.ts";
import { idleClock } from "../support/idle-clock.ts";
import { buildOf, completedBuild, namespace, submissionsByBuild } from "../support/submissions.ts";

const clock = idleClock();
const settings = { THOTH_BUILD_WATCHER_WORKERS: "2", BUILD_WATCHER_JOB_TIMEOUT: "1m" };
const good = Array.from({ length: 10 }, (_, number) => `app-${number}`);

interface Poison {
  readonly name: string;
  readonly reason: string;
  /** Makes the build of this name, and what spoils it. */
  readonly put: (world: World, name: string) => void;
  /** Takes the spoiling away. */
  readonly heal: (world: World, name: string) => void;
}

const poisons: readonly Poison[] = [
  {
    name: "whose submission is never answered",
    reason: "TimedOut",
    put({ cluster, analysis }, name) {
      analysis.faults((_, request) => (buildOf(request).startsWith("poison") ? "hang" : undefined));
      cluster.put("builds", completedBuild(name));
    },
    heal: ({ analysis }) => analysis.faults(() => undefined),
  },
  {
    name: "whose image stream cannot be read",
    reason: "ClusterUnavailable",
    put({ cluster }, name) {
      cluster.fail("get", { status: 200, body: "}{" }, Number.POSITIVE_INFINITY);
      cluster.put("builds", completedBuild(name, { digest: null, outputReference: null }));
    },
    heal({ cluster }, name) {
      const image = digestOf(name);
      const item = {
        created: "2026-01-01T00:00:00Z",
        dockerImageReference: `${internalRegistry}/${namespace}/${name}@${image}`,
        image,
      };
      cluster.heal();
      cluster.put("imagestreams", {
        metadata: { name, namespace },
        spec: {},
        status: { tags: [{ tag: "latest", items: [item] }] },
      });
    },
  },
];

describe.concurrent.each(poisons)("a job $name", ({ reason, put, heal }) => {
  it("is ended and recorded, while the others go on beside it", async () => {
    await using world = await createWorld();
    put(world, "poison");
    const bot = world.bot([], settings, clock);
    await bot.logged(({ msg, subject }) => msg === "Build taken in" && subject === `${namespace}/poison-1`);
    for (const name of good) world.cluster.put("builds", completedBuild(name));
    await world.analysis.waitFor((analysis) => good.every((name) => submissionsByBuild(analysis).has(name)));
    const line = await bot.logged(({ level, subject }) => level === "warn" && subject === `${namespace}/poison-1`);
    expect(line).toMatchObject({ msg: "Attempt failed; the job will be retried", reason });
    expect(await jobsOf(world)).toContainEqual(
      expect.objectContaining({ subject: `${namespace}/poison-1`, error: expect.objectContaining({ reason }) }),
    );
  });

  it("lets all the others through, though there are more of its kind than workers", async () => {
    await using world = await createWorld();
    for (let number = 0; number < 5; number += 1) put(world, `poison-${number}`);
    const bot = world.bot([], settings, clock);
    await bot.logged(({ msg, subject }) => msg === "Build taken in" && subject === `${namespace}/poison-4-1`);
    for (const name of good) world.cluster.put("builds", completedBuild(name));
    await world.analysis.waitFor((analysis) => good.every((name) => submissionsByBuild(analysis).has(name)));
  });

  it("fails in the end, says why, and is done once it was mended and tried again", async () => {
    await using world = await createWorld();
    put(world, "poison");
    const bot = world.bot([], { ...settings, BUILD_WATCHER_GIVE_UP_AFTER: "2m" }, clock);
    expect(await bot.logged(({ level }) => level === "error")).toMatchObject({
      msg: "Job failed",
      reason,
      remedy: expect.any(String),
    });
    heal(world, "poison");
    expect(await world.bot(["jobs", "retry", "--failed"]).exit).toBe(0);
    await bot.logged(({ msg, subject }) => msg === "Job done" && subject === `${namespace}/poison-1`);
  });
});

describe("a job whose log never ends", () => {
  it("is submitted with the end of what came in time, and so are the others", async () => {
    await using world = await createWorld();
    const { cluster, analysis } = world;
    const endless = Array.from({ length: 3 }, (_, number) => `endless-${number}`);
    for (const name of endless) {
      cluster.put("builds", completedBuild(name));
      cluster.setBuildLog(namespace, `${name}-1`, { endless: true });
    }
    const bot = world.bot([], { ...settings, BUILD_WATCHER_JOB_TIMEOUT: "8s" });
    await bot.logged(({ msg, subject }) => msg === "Build taken in" && subject === `${namespace}/endless-2-1`);
    for (const name of good) cluster.put("builds", completedBuild(name));
    await analysis.waitFor((api) => [...endless, ...good].every((name) => submissionsByBuild(api).has(name)));
    const poisoned = analysis.submissions.filter((submission) => buildOf(submission).startsWith("endless"));
    for (const { body } of poisoned) {
      expect(body).toMatchObject({ build_log: { log: expect.stringContaining("still downloading") } });
    }
    expect(bot.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("a Build that is no proper Build", () => {
  it.each<readonly [string, object]>([
    ["has no status", { status: null }],
    ["has no spec", { spec: null }],
    ["has texts for objects", { spec: "spec", status: { phase: "Complete", output: "output", config: 7 } }],
    [
      "has numbers for texts",
      { spec: { output: { to: { kind: 1, name: 2 } } }, status: { phase: "Complete", outputDockerImageReference: 3 } },
    ],
    ["pushed to what is no image", { status: { phase: "Complete", outputDockerImageReference: "../../ no image :::" } }],
    ["has labels and annotations of other types", { metadata: { name: "odd-1", namespace, labels: "x", annotations: [1] } }],
  ])("does not stop the bot from submitting the others: it %s", async (_name, oddity) => {
    await using world = await createWorld();
    const { cluster, analysis } = world;
    cluster.put("builds", { ...completedBuild("odd"), ...oddity });
    const bot = world.bot();
    cluster.put("builds", completedBuild("app-1"));
    await analysis.waitFor((api) => submissionsByBuild(api).has("app-1"));
    cluster.put("builds", { ...completedBuild("odd"), ...oddity });
    cluster.remove("builds", namespace, "odd-1");
    cluster.put("builds", completedBuild("app-2"));
    await analysis.waitFor((api) => submissionsByBuild(api).has("app-2"));
    expect(await bot.stop()).toBe(0);
  });
});

async function jobsOf(world: World): Promise<readonly unknown[]> {
  const jobs = world.bot(["jobs", "--json"]);
  await jobs.exit;
  return jobs.lines;
}
