import { openJobsBeside } from "../app/opening/queues.ts";
import { sleep, systemClock } from "../core/clock.ts";
import type { CommandContext } from "./command.ts";

/** How the jobs of one analyzer ended; what is missing still waits. */
export interface Arrived {
  readonly analyzer: string;
  readonly done: number;
  readonly failed: number;
}

/** What the story played, as far as its images are concerned. */
interface Played {
  readonly succeeded: number;
  /** Images that the analysis service refuses. */
  readonly refused: number;
}

type Ledger = Pick<CommandContext, "config" | "environment">;

/** Milliseconds between two looks. */
const lookInterval = 200;

/** What the bot's ledger says, beside the bot that works on it. */
export async function readArrivals({ config, environment }: Ledger): Promise<readonly Arrived[]> {
  await using queue = await openJobsBeside(config, environment);
  const count = (analyzer: string, state: "done" | "failed") => queue.count(Number.MAX_SAFE_INTEGER, { analyzer, state });
  return Promise.all(
    config.analyzers.map(async (analyzer) => ({
      analyzer,
      done: await count(analyzer, "done"),
      failed: await count(analyzer, "failed"),
    })),
  );
}

/** Waits until every analyzer is through with every image, so many milliseconds at most. */
export async function allArrived(ledger: Ledger, totals: Played, patience: number, signal: AbortSignal): Promise<void> {
  const until = systemClock.now() + patience;
  const isWaiting = (arrived: Arrived) => waitingOf(arrived, totals) > 0;
  while (!signal.aborted && systemClock.now() < until && (await readArrivals(ledger)).some(isWaiting))
    await sleep(systemClock, lookInterval, signal);
}

/** The one that was there before, and those of the builds that succeeded. */
export function imagesAfter({ succeeded }: Played): number {
  return 1 + succeeded;
}

export function waitingOf({ done, failed }: Arrived, totals: Played): number {
  return imagesAfter(totals) - done - failed;
}

/** Whether all went as it should: only the analysis service refuses images, and only those it is to refuse. */
export function isAsPlayed(arrived: readonly Arrived[], totals: Played): boolean {
  return arrived.every((one) => waitingOf(one, totals) === 0 && one.failed === (one.analyzer === "thoth" ? totals.refused : 0));
}
