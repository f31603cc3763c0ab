import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../../support/bot.ts";
import { aBuild } from "../../support/fixtures.ts";

const namespace = "golang-builder";

function put({ cluster }: World, phase: string, log: string, where = namespace): void {
  cluster.put("builds", aBuild({ name: "app-1", namespace: where, phase }));
  cluster.setBuildLog(where, "app-1", log);
}

describe("logs", () => {
  it.each([
    ["app-1", namespace],
    ["shop/app-1", "shop"],
  ])("of %s are printed as they are", async (name, where) => {
    await using world = await createWorld();
    put(world, "Complete", "eins\nzwei – drei\n", where);
    const bot = world.bot(["logs", name]);
    expect(await bot.exit).toBe(0);
    expect(bot.stdout()).toBe("eins\nzwei – drei\n");
  });

  it("of a running build are what there is, and with -f everything until it ends", async () => {
    await using world = await createWorld();
    put(world, "Running", "one\n");
    const now = world.bot(["logs", "app-1"]);
    expect(await now.exit).toBe(0);
    expect(now.stdout()).toBe("one\n");
    const following = world.bot(["logs", "-f", "app-1"]);
    await expect.poll(following.stdout).toBe("one\n");
    world.cluster.closeLogs("reset");
    put(world, "Complete", "one\ntwo\n");
    expect(await following.exit).toBe(0);
    expect(following.stdout()).toBe("one\ntwo\n");
  });

  it("end with Ctrl-C", async () => {
    await using world = await createWorld();
    put(world, "Running", "one\n");
    const bot = world.bot(["logs", "app-1", "--follow"]);
    await expect.poll(bot.stdout).toBe("one\n");
    expect(await bot.stop()).toBe(0);
  });

  it.each([
    ["Pending", "The Build golang-builder/app-1 has written no log; -f waits for it"],
    ["Cancelled", "There is no log for the Build golang-builder/app-1 (build app-1 was cancelled. No logs are available.)"],
    [undefined, "There is no Build golang-builder/app-1: oc get builds -n golang-builder lists what there is"],
  ])("of a build that is %s are a sentence and 1", async (phase, sentence) => {
    await using world = await createWorld();
    if (phase) put(world, phase, "");
    const bot = world.bot(["logs", "app-1"]);
    expect(await bot.exit).toBe(1);
    expect(bot.lines).toMatchObject([{ level: "fatal", msg: sentence }]);
  });

  it.each([
    ["a/b/c", {}, "is no name of a Build"],
    ["app-1", { THOTH_WATCHED_NAMESPACE: "shop,bank" }, "name it as namespace/app-1"],
  ])("of %s are a usage mistake", async (name, environment, mistake) => {
    await using world = await createWorld();
    const bot = world.bot(["logs", name], environment);
    expect(await bot.exit).toBe(2);
    expect(bot.stderr()).toContain(mistake);
  });
});
