import type { BuildKey } from "../core/builds/build.ts";
import type { Clock } from "../core/clock.ts";
import type { PlannedAnalyzer } from "../core/jobs/job.ts";
import type { DocumentFacts, KnownPackages } from "../inventory/inventory.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import type { AccessSettings } from "./listening/access.ts";
import type { Live } from "./live/live.ts";
import type { CountRecords, FindRecords } from "./records/find-records.ts";
import type { StatusParts } from "./status.ts";

/** What the page and the API are made of. */
export interface PageSettings extends StatusParts {
  readonly queue: Pick<
    JobQueue,
    | "add"
    | "known"
    | "retry"
    | "dismiss"
    | "recent"
    | "look"
    | "count"
    | "find"
    | "ofGroups"
    | "tally"
    | "counts"
    | "failures"
    | "oldestWaiting"
    | "withImage"
    | "lastOfBuildConfigs"
    | "replicas"
  >;
  /** Each image becomes one job per analyzer. */
  readonly analyzers: readonly Pick<PlannedAnalyzer, "name">[];
  /** The packages of images; absent if the bot reads none. */
  readonly packages?: { readonly known: KnownPackages; readonly specVersion: DocumentFacts["specVersion"] } | undefined;
  readonly clock: Clock;
  readonly access: AccessSettings;
  /** The tail of a build's log; undefined when it is gone. */
  readonly readBuildLog: (build: BuildKey, signal: AbortSignal) => Promise<string | undefined>;
}

export interface PageParts extends PageSettings {
  readonly live: Live;
  readonly findRecords: FindRecords;
  readonly countRecords: CountRecords;
}
