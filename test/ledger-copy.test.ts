import { expect, it } from "vitest";
import { createWorld } from "./support/bot.ts";
import { describePostgres, sharedPostgres } from "./support/postgres.ts";
import { completedBuild, submissionsByBuild } from "./support/submissions.ts";

describePostgres("ledger copy", () => {
  it("moves all jobs to a database and back; nothing is submitted twice, and no bot goes on at the old place", async () => {
    const database = await (await sharedPostgres()).createDatabase();
    await using world = await createWorld({ states: ["running"] });
    const onDatabase = { BUILD_WATCHER_DATABASE_URL: database.url };
    const copy = async (from: string, to: string) => {
      const bot = world.bot(["ledger", "copy", from, to], onDatabase);
      expect(await bot.exit, bot.stderr()).toBe(0);
      return bot.stdout();
    };
    const listed = async (environment: Record<string, string>) => {
      const bot = world.bot(["jobs", "--json"], environment);
      await bot.exit;
      return bot.stdout().trim().split("\n").toSorted();
    };

    const first = world.bot();
    for (const name of ["one", "two"]) world.cluster.put("builds", completedBuild(name));
    await world.analysis.waitFor(({ submissions }) => submissionsByBuild({ submissions } as never).size >= 2);
    await expect.poll(() => first.lines.filter(({ msg }) => msg === "Job done").length).toBe(2);
    await first.stop();
    const before = await listed({});
    expect(before).toHaveLength(2);
    expect(await copy("sqlite", "postgresql")).toMatch(/[1-9]\d* jobs.*new or changed/);
    expect(await listed(onDatabase)).toEqual(before);
    expect(await copy("sqlite", "postgresql")).toMatch(/^0 jobs/);
    const old = world.bot();
    expect(await old.exit).not.toBe(0);
    expect(old.stdout() + old.stderr()).toMatch(/would be submitted twice/);

    const submitted = world.analysis.submissions.length;
    const second = world.bot([], onDatabase);
    await second.logged(({ msg }) => msg === "Builds listed; watching");
    world.cluster.put("builds", completedBuild("three"));
    await second.logged(({ msg, job }) => msg === "Job done" && job !== undefined);
    await second.stop();
    expect(world.analysis.submissions.length).toBeGreaterThan(submitted);
    for (const name of ["one", "two"]) expect(submissionsByBuild(world.analysis).get(name)).toBe(1);
    await database.query("DELETE FROM build_watcher.replicas");
    await copy("postgresql", "sqlite");
    expect(await listed({})).toEqual(await listed(onDatabase));
    const third = world.bot();
    await third.logged(({ msg }) => msg === "Builds listed; watching");
    expect(await third.stop()).toBe(0);
    for (const name of ["one", "two", "three"]) expect(submissionsByBuild(world.analysis).get(name)).toBe(1);
  });
});
