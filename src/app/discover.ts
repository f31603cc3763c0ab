import type { Analyzer } from "../analyzers/analyzer.ts";
import { asJobError } from "../core/jobs/errors.ts";
import type { ActivityMonitor } from "../server/activity.ts";
import type { Logger } from "../telemetry/log.ts";

/** Asks an analyzer whether it is there. Logs it if not, because its jobs then wait. */
export async function discover(
  analyzer: Analyzer,
  { activity, log }: { readonly activity: Pick<ActivityMonitor, "discovered">; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  try {
    await analyzer.discover(signal);
    activity.discovered(analyzer.name);
  } catch (error) {
    if (signal.aborted) return;
    const { reason, message } = asJobError(error);
    activity.discovered(analyzer.name, message);
    log.error({ reason, analyzer: analyzer.name }, message);
  }
}
