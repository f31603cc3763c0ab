import { expect, it } from "vitest";
import { type Clock, sleep } from "../../src/core/clock.ts";
import { createWorld } from "../support/bot.ts";
import { idleClock } from "../support/idle-clock.ts";
import { buildOf, completedBuild } from "../support/submissions.ts";

const second = 1_000;
/** So soon after the API answers again the first submission is to arrive. */
const aim = 5 * second;

/** Milliseconds of the bot's own time from when the API answers again to the submission of a build that ended meanwhile. */
async function silenceAfter(away: number, starting: number, clock: Clock = idleClock()): Promise<number> {
  await using world = await createWorld();
  const { cluster, analysis } = world;
  const arrived = new Map<string, number>();
  analysis.onSubmission((submission) => arrived.set(buildOf(submission), clock.now()));
  world.bot(["--no-build-log"], {}, clock);
  await cluster.waitFor(({ openWatches }) => openWatches > 0);
  cluster.put("builds", completedBuild("before"));
  await analysis.waitFor(() => arrived.has("before"));

  cluster.fail("any", "reset", Number.POSITIVE_INFINITY);
  cluster.closeWatches("reset");
  await sleep(clock, away);
  cluster.heal();
  const start = cluster.restart();
  cluster.put("builds", completedBuild("meanwhile"));
  await sleep(clock, starting);
  start.ready();
  const answersAt = clock.now();
  await analysis.waitFor(() => arrived.has("meanwhile"));
  return (arrived.get("meanwhile") ?? Number.NaN) - answersAt;
}

it.each([
  // Away for        and starting for, with 404 in plain text, 403, and 403 as system:anonymous by turns
  [0, 2 * second],
  [0, 9 * second],
  [20 * second, 5 * second],
  [300 * second, 3 * second],
  [300 * second, 12 * second],
])(
  "an API server that was away for %i ms and started for %i ms is heard again within five seconds, its watches forgotten",
  async (away, starting) => {
    expect(await silenceAfter(away, starting)).toBeLessThanOrEqual(aim);
  },
);
