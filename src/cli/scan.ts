import { type App, openApp } from "../app/app.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { asJobError } from "../core/errors.ts";
import type { ScanCounts } from "../pipeline/scan-images.ts";
import type { CommandContext } from "./command.ts";

/** Milliseconds between progress lines in a log. */
const progressInterval = 5_000;
/** Milliseconds before a pass that failed starts over. */
const scanRetryDelay = 30_000;

/** The startup pass alone: 0 when all its jobs ended well, 1 when some failed. */
export async function scan(context: CommandContext): Promise<number> {
  await using app = await openApp(context.config, context);
  await using _pushing = app.pushMetrics();
  await app.discover(context.signal);
  app.work();
  await Promise.race([app.queue.ended, runScan(context, app, context.signal, { persistent: false })]);
  const failed = await app.settled(context.signal);
  await app.stop();
  const { screen, signal } = context;
  if (!signal.aborted)
    screen.write(
      `The images of image streams are submitted${failed > 0 ? `; ${failed} jobs failed: build-watcher jobs --state failed` : ""}.\n`,
    );
  return failed > 0 || context.signal.aborted ? 1 : 0;
}

/** Runs the pass with progress and a closing line; a persistent one starts over when the cluster fails. */
export async function runScan(
  context: CommandContext,
  app: App,
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
      log.warn({ reason: failure.reason, retryIn: scanRetryDelay }, failure.message);
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
  return `${streams} image streams, ${tags} tags, ${added} new, ${known} known, ${skipped} skipped`;
}
