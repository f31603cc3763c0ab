import type { Api, Query } from "../cluster/api/api.ts";
import type { Resource } from "../cluster/api/paths.ts";
import type { Right } from "../cluster/rights.ts";
import type { NamedBuild } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";

/** One kind of objects of a build system: where they are, what they mean, and where their logs are. */
export interface BuildSource {
  /** The build system's name in BUILD_WATCHER_SOURCES. */
  readonly name: "builds" | "shipwright" | "tekton";
  /** The kind of its objects, as in `BuildKey.kind`, where OpenShift's Build is left out. */
  readonly kind: string;
  readonly resource: Resource;
  /** The kind that builds are made from and that can be tracked: `BuildConfig`. */
  readonly owner: string;
  /** The most objects in a page of a list. */
  readonly pageSize: number;
  /** Says what an object means. Never throws, and keeps nothing of the object. */
  classify(object: unknown): BuildOutcome;
  /** The rights needed to find and read a log. */
  readonly logRights: readonly Right[];
  /** Finds a build's log. Throws `ApiError`. */
  findLog(api: Api, build: NamedBuild, follow: boolean, signal: AbortSignal): Promise<FoundLog>;
}

/** A build's log: several texts, one after the other. */
export interface FoundLog {
  readonly parts: readonly LogPart[];
  /** Whether the build still runs, so that the last part can grow and others can follow. Never rejects. */
  isGrowing(signal: AbortSignal): Promise<boolean>;
}

export interface LogPart {
  readonly path: string;
  readonly query?: Query;
  /** The heading before it, on its own line. */
  readonly heading?: string;
}
