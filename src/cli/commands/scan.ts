import { plannedAnalyzers } from "../../analyzers/index.ts";
import { type App, openApp } from "../../app/app.ts";
import { openCluster } from "../../app/opening/open-cluster.ts";
import { openJobsBeside } from "../../app/opening/queues.ts";
import { clusterSettings } from "../../app/settings.ts";
import { sleep, systemClock } from "../../core/clock.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";
import { type ScanCounts, scanImages } from "../../pipeline/builds/scan-images.ts";
import { counted } from "../../server/views/words.ts";
import type { CommandContext } from "../command.ts";
import { handedOver, unlessBotsWork } from "../run-jobs.ts";

/** Milliseconds between progress lines in a log. */
const progressInterval = 5_000;
/** Milliseconds before a pass that failed starts over. */
const scanRetryDelay = 30_000;

/**
 * The startup pass alone: 0 when all its jobs ended well, 1 when some failed. Beside a bot that works in the state directory they are handed over
 * to it.
 */
export function scan(context: CommandContext): Promise<number> {
  return unlessBotsWork(
    context,
    () => scanHere(context),
    () => handOver(context),
  );
}

async function scanHere(context: CommandContext): Promise<number> {
  const { screen, signal } = context;
  await using app = await openApp(context.config, context);
  await using _pushing = app.pushMetrics();
  await app.discover(signal);
  app.work();
  await Promise.race([app.queue.ended, runScan(context, app, signal, { persistent: false })]);
  const { done, failed } = await app.settled(signal);
  await app.stop();
  const advice = failed > 0 ? " build-watcher jobs --state failed shows why." : "";
  if (!signal.aborted) screen.write(`Jobs: ${done} done, ${failed} failed.${advice}\n`);
  return failed > 0 || signal.aborted ? 1 : 0;
}

async function handOver(context: CommandContext): Promise<number> {
  const { config, environment, log, screen, signal, clock = systemClock } = context;
  await using opened = new AsyncDisposableStack();
  const ledger = await openJobsBeside(config, environment);
  const queue = opened.adopt(ledger, (part) => part.close());
  const cluster = opened.adopt(await openCluster({ ...clusterSettings(config), environment, clock }), (part) => part.close());
  const parts = { cluster, analyzers: plannedAnalyzers(config.analyzers), log };
  let handed = 0;
  const take = async (job: Job) => {
    const isTaken = (await queue.add(job, { again: config.force ? "always" : "failed" })) === "added";
    if (isTaken) handed += 1;
    return isTaken;
  };
  const pass: Pick<App, "scan"> = { scan: (its, onProgress) => scanImages({ ...parts, take, onProgress }, its) };
  await runScan(context, pass, signal, { persistent: false });
  if (signal.aborted) return 1;
  screen.write(handed === 0 ? "Every image of the image streams is known already.\n" : handedOver(handed));
  return 0;
}

/** Runs the pass with progress and a closing line; a persistent one starts over when the cluster fails. */
export async function runScan(
  context: CommandContext,
  app: Pick<App, "scan">,
  signal: AbortSignal,
  how: { persistent: boolean },
): Promise<void> {
  const { log, screen, clock = systemClock } = context;
  const onProgress = progress(context);
  for (;;) {
    try {
      const counts = await app.scan(signal, onProgress);
      screen.status(undefined);
      log.info({ ...counts }, closingLine(counts));
      return;
    } catch (error) {
      screen.status(undefined);
      if (signal.aborted) return;
      const failure = asJobError(error);
      if (!how.persistent || !failure.retryable) throw failure;
      log.warn({ reason: failure.reason, retrySeconds: scanRetryDelay / 1000 }, failure.message);
      await sleep(clock, scanRetryDelay, signal);
    }
  }
}

/** In a terminal a line that counts, elsewhere a log line every few seconds. */
function progress({ screen, log, clock = systemClock }: CommandContext): (counts: ScanCounts) => void {
  let next = clock.now() + progressInterval;
  return (counts) => {
    screen.status(`Existing images: ${closingLine(counts)} …`);
    if (screen.isTerminal || clock.now() < next) return;
    next = clock.now() + progressInterval;
    log.info({ ...counts }, "Reading image streams");
  };
}

function closingLine({ streams, tags, added, known, skipped }: ScanCounts): string {
  return `${counted(streams, "image stream")}, ${counted(tags, "tag")}, ${added} new, ${known} known, ${skipped} skipped`;
}
