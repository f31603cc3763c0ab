import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, type LogLine, startBotProcess } from "../support/bot-process.ts";
import { buildOf, completedBuild, namespace, submissionsByBuild } from "../support/submissions.ts";

interface Situation extends AsyncDisposable {
  readonly world: World;
  /** A bot that works meanwhile. */
  readonly bot: BotProcess;
}

const idOf = (name: string) => `build-${completedBuild(name).metadata.uid}`;

/** A working bot with one job done, two failed and one that waits for hours. */
async function createSituation(): Promise<Situation> {
  await using opened = new AsyncDisposableStack();
  const world = opened.use(await createWorld());
  world.analysis.faults((_, request) => {
    if (buildOf(request) === "late") return { status: 500, headers: { "retry-after": "3600" } };
    return buildOf(request) === "good" ? undefined : { status: 400, body: { error: "manifest unknown" } };
  });
  for (const name of ["good", "bad-1", "bad-2", "late"]) world.cluster.put("builds", completedBuild(name));
  const bot = opened.use(startBotProcess(world.environment));
  for (const name of ["good", "bad-1", "bad-2", "late"]) await bot.logged(isAttemptAt(name));
  const parts = opened.move();
  return { world, bot, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function isAttemptAt(name: string): (line: LogLine) => boolean {
  return ({ msg, subject }) => subject === `${namespace}/${name}-1` && msg !== "Build taken in";
}

/** Runs `build-watcher jobs …` beside the bot, which is another process. */
async function jobs(world: World, ...argv: readonly string[]) {
  const command = world.bot(["jobs", ...argv]);
  const code = await command.exit;
  return { code, stdout: command.stdout(), stderr: command.stderr(), records: command.lines };
}

describe("build-watcher jobs beside a working bot", () => {
  describe("that nothing is changed of", () => {
    let situation: Situation;
    beforeAll(async () => {
      situation = await createSituation();
    });
    afterAll(() => situation[Symbol.asyncDispose]());

    it("lists all jobs with their state, attempts, last error, next attempt and analyses", async () => {
      const { code, stdout, stderr } = await jobs(situation.world, "--details");
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^1 waiting, 0 running, 1 (submitted|analysing|analysed), 2 failed\n/);
      expect(stdout).toMatch(
        new RegExp(
          `(?:submitted|analysing|analysed) +${namespace}/good-1\\n +${idOf("good")} .* 1 attempt\\n +image: .*@sha256:.*\\n +analysis of output: \\S+`,
        ),
      );
      expect(stdout).toMatch(new RegExp(`failed +${namespace}/bad-1-1\\n.*1 attempt\\n +AnalyzerRejected: .*manifest unknown`));
      expect(stdout).toMatch(new RegExp(`retrying +${namespace}/late-1\\n.*\\n +AnalyzerFailed: .*500.*\\n +next try: 20..-`));
    });

    it("lists those in one state, as JSON lines, too", async () => {
      const expected = { failed: ["bad-1", "bad-2"], waiting: ["late"], done: ["good"], running: [], dismissed: [] };
      for (const [state, names] of Object.entries(expected)) {
        const { records } = await jobs(situation.world, "--state", state, "--json");
        expect(records.map(({ id }) => id).sort(), state).toEqual(names.map(idOf).sort());
        for (const record of records) {
          expect(record).toMatchObject({ state, attempts: 1, subject: expect.stringContaining(`${namespace}/`) });
        }
      }
    });

    it("says what it cannot do", async () => {
      const { world } = situation;
      expect(await jobs(world, "retry", "build-nope")).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("build-nope is not known"),
      });
      expect(await jobs(world, "dismiss", idOf("good"))).toMatchObject({ code: 1, stdout: expect.stringContaining("is done") });
      expect(await jobs(world, "retry")).toMatchObject({ code: 2, stderr: expect.stringContaining("--failed") });
      expect(await jobs(world, "--state", "broken")).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("waiting, running, done"),
      });
    });
  });

  it("tries named jobs again, the failed and the waiting, and the bot notices by itself", async () => {
    await using situation = await createSituation();
    const { world, bot } = situation;
    world.analysis.faults(() => undefined);
    const { code, stdout } = await jobs(world, "retry", idOf("bad-1"), idOf("late"));
    expect([code, stdout]).toEqual([0, `${idOf("bad-1")} is retried\n${idOf("late")} is retried\n`]);
    await bot.logged(({ msg, job }) => msg === "Job done" && job === idOf("bad-1"));
    await bot.logged(({ msg, job }) => msg === "Job done" && job === idOf("late"));
    expect(submissionsByBuild(world.analysis)).toEqual(new Map(["good", "bad-1", "late"].map((name) => [name, 1])));
  });

  it("tries all failed jobs again", async () => {
    await using situation = await createSituation();
    const { world, bot } = situation;
    world.analysis.faults(() => undefined);
    expect((await jobs(world, "retry", "--failed")).code).toBe(0);
    await bot.logged(({ msg, job }) => msg === "Job done" && job === idOf("bad-1"));
    await bot.logged(({ msg, job }) => msg === "Job done" && job === idOf("bad-2"));
    expect((await jobs(world)).stdout).toMatch(/^1 waiting, 0 running, .*(submitted|analysing|analysed), 0 failed\n/);
  });

  it("dismisses jobs for good: neither a restart nor an event of the build brings them back", async () => {
    await using situation = await createSituation();
    const { world, bot } = situation;
    expect((await jobs(world, "dismiss", idOf("bad-1"), idOf("late"))).code).toBe(0);
    await bot.kill("SIGTERM");
    world.analysis.faults(() => undefined);
    const heir = world.bot();
    await heir.logged(({ msg }) => msg === "Builds listed; watching");
    world.cluster.put("builds", completedBuild("late", { labels: { touched: "yes" } }));
    world.cluster.put("builds", completedBuild("new"));
    await heir.logged(({ msg, job }) => msg === "Job done" && job === idOf("new"));
    expect((await jobs(world, "--state", "dismissed", "--json")).records.map(({ id }) => id).sort()).toEqual(
      [idOf("bad-1"), idOf("late")].sort(),
    );
    expect(submissionsByBuild(world.analysis)).toEqual(new Map(["good", "new"].map((name) => [name, 1])));
  });
});
