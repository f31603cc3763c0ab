import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, startBotProcess } from "../support/bot-process.ts";
import { completedBuild, namespace, submissionsByBuild } from "../support/submissions.ts";

interface Step {
  readonly name: string;
  /** Lets a bot work on the build `victim`, and kills it at the step. */
  readonly crash: (world: World, bot: BotProcess) => Promise<void>;
  /** How often the analysis service may have accepted the build in the end. */
  readonly accepted: number;
}

const steps: readonly Step[] = [
  {
    name: "after the ledger was written, before the job ran",
    async crash({ cluster, analysis }, bot) {
      analysis.fail("hang");
      cluster.put("builds", completedBuild("bystander"));
      await analysis.waitFor(({ received }) => received === 1);
      cluster.put("builds", completedBuild("victim"));
      await bot.logged(({ msg, subject }) => msg === "Build taken in" && subject === `${namespace}/victim-1`);
      await bot.kill("SIGKILL");
    },
    accepted: 1,
  },
  {
    name: "after the image was located, before the request",
    async crash({ cluster }, bot) {
      cluster.fail("log", "hang");
      cluster.put("builds", completedBuild("victim"));
      await cluster.waitFor(({ requests }) => requests.some(({ resource }) => resource === "builds/log"));
      await bot.kill("SIGKILL");
    },
    accepted: 1,
  },
  {
    name: "after the request was sent, before the service took it",
    async crash({ cluster, analysis }, bot) {
      analysis.fail("hang");
      cluster.put("builds", completedBuild("victim"));
      await analysis.waitFor(({ received }) => received === 1);
      await bot.kill("SIGKILL");
    },
    accepted: 1,
  },
  {
    name: "in the middle of the answer",
    async crash({ cluster, analysis }, bot) {
      analysis.faults(() => {
        void bot.kill("SIGKILL");
        return "reset-body";
      });
      cluster.put("builds", completedBuild("victim"));
      await bot.exited;
      analysis.faults(() => undefined);
    },
    accepted: 1,
  },
  {
    name: "after the service answered, before the answer was stored",
    async crash({ cluster, analysis }, bot) {
      analysis.faults(() => {
        // A stopped process cannot read what is sent to it.
        void bot.kill("SIGSTOP");
        return undefined;
      });
      cluster.put("builds", completedBuild("victim"));
      await analysis.waitFor(({ submissions }) => submissions.length === 1);
      analysis.faults(() => undefined);
      await bot.kill("SIGKILL");
    },
    accepted: 2,
  },
];

describe("a bot killed", () => {
  it.each(steps)("$name submits the build after its restart, though it is pruned meanwhile", async ({ crash, accepted }) => {
    await using world = await createWorld();
    const { cluster, analysis } = world;
    await using victim = startBotProcess(world.environment);
    await victim.logged(({ msg }) => msg === "Builds listed; watching");
    await crash(world, victim);
    expect(await victim.exited).toEqual({ code: null, signal: "SIGKILL" });
    cluster.remove("builds", namespace, "victim-1");

    const heir = world.bot();
    await heir.logged(({ msg, subject }) => msg === "Job done" && subject === `${namespace}/victim-1`);
    cluster.put("builds", completedBuild("last"));
    await heir.logged(({ msg, subject }) => msg === "Job done" && subject === `${namespace}/last-1`);
    expect(await heir.stop()).toBe(0);
    expect(submissionsByBuild(analysis).get("victim")).toBe(accepted);
    expect(submissionsByBuild(analysis).get("last")).toBe(1);
  });
});
