import type { HostProcess } from "../children/run-directory.ts";
import type { Clock } from "../core/clock.ts";
import type { CopyReport } from "../registry/image-copier.ts";
import type { Logger } from "../telemetry/log.ts";

/** The outside world, without what the settings name. */
export interface Surroundings {
  readonly log: Logger;
  /** The bot's environment variables, used to find the kubeconfig or the pod. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The process that starts the programs the bot runs. */
  readonly host: HostProcess;
  readonly clock?: Clock;
  /** The bot's own version. */
  readonly version?: string;
  /** Called when a copy begins and ends. */
  readonly onCopy?: (event: CopyReport) => void;
}
