import { type App, openApp } from "../../app/app.ts";
import { aborted, sleep, systemClock } from "../../core/clock.ts";
import { whileReachable } from "../../pipeline/while-reachable.ts";
import type { CommandContext } from "../command.ts";
import { runScan } from "./scan.ts";

/** The bot itself: works until it is asked to stop (0), or until a part of it ends for good, which it throws. */
export async function watch(context: CommandContext): Promise<number> {
  const { config, log, signal } = context;
  await using app = await openApp(config, context);
  await using _server = await app.serve();
  await using _pushing = app.pushMetrics();
  app.work();
  app.lookAfter();
  const failed = new AbortController();
  const running = AbortSignal.any([signal, failed.signal]);
  try {
    const work = Promise.all([app.discover(running), app.follow(running), existing(context, app, running)]);
    await Promise.race([app.ended, aborted(signal), work]);
  } finally {
    failed.abort();
  }
  log.info({ graceSeconds: config.shutdownGrace / 1000 }, "Stopping; running jobs get time to end");
  await app.stop();
  const counts = await whileReachable(app.queue.counts);
  log.info({ waiting: counts?.waiting }, "Stopped");
  return 0;
}

/** Milliseconds within which replicas that start one after the other need no pass of their own. */
const passInterval = 10 * 60_000;
/** Milliseconds before it is tried again where the database is away. */
const retryInterval = 5_000;

/** The startup pass waits for the first list of builds: an image that a build made is the build's. */
async function existing(context: CommandContext, app: App, signal: AbortSignal): Promise<void> {
  const { clock = systemClock } = context;
  if (!context.config.analyzeExisting) return;
  await app.synced;
  if (signal.aborted) return;
  const pass = async (its: AbortSignal) => runScan(context, app, its, { persistent: true }).then(() => true);
  const once = async () => ({ isDone: await app.queue.once("startup pass", passInterval, pass, signal) });
  let answer = await whileReachable(once);
  for (; !answer && !signal.aborted; answer = await whileReachable(once)) await sleep(clock, retryInterval, signal);
  if (answer && !answer.isDone) context.log.info("Another replica makes the pass over the image streams, or made it just now");
}
