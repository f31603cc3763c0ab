import type { HostProcess } from "../children/run-directory.ts";
import type { Clock } from "../core/clock.ts";
import type { CopyReport } from "../registry/image-copier.ts";
import type { Logger } from "../telemetry/log.ts";

/** The outside world, as far as it is not named by settings. */
export interface Surroundings {
  readonly log: Logger;
  /** The variables the bot was started with: where kubeconfig and pod are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The process: parent of the programs the bot runs. */
  readonly host: HostProcess;
  readonly clock?: Clock;
  /** The bot's own version. */
  readonly version?: string;
  /** Told when a copy begins and ends. */
  readonly onCopy?: (event: CopyReport) => void;
}
