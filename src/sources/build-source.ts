import type { Api, Query } from "../cluster/api/api.ts";
import type { Resource } from "../cluster/api/paths.ts";
import type { Right } from "../cluster/rights.ts";
import type { NamedBuild } from "../core/build.ts";
import type { BuildOutcome } from "../core/build-outcome.ts";

/** A build system, as far as one kind of its objects is concerned: where they are, what one of them means, and where its log lies. */
export interface BuildSource {
  /** What its build system is called in BUILD_WATCHER_SOURCES. */
  readonly name: "builds" | "shipwright" | "tekton";
  /** The kind of its objects: `BuildKey.kind` holds it, but for OpenShift's own Build. */
  readonly kind: string;
  readonly resource: Resource;
  /** The kind of what a build is made from, which can be tracked: `BuildConfig`. */
  readonly owner: string;
  /** Objects in a page of a list, at most. */
  readonly pageSize: number;
  /** Says what an object means; never throws, whatever the server sent. Nothing of the object is kept. */
  classify(object: unknown): BuildOutcome;
  /** What finding and reading a log takes. */
  readonly logRights: readonly Right[];
  /** Finds a build's log. Throws `ApiError`. */
  findLog(api: Api, build: NamedBuild, follow: boolean, signal: AbortSignal): Promise<FoundLog>;
}

/** Where a build's log lies: a number of texts that follow each other. */
export interface FoundLog {
  readonly parts: readonly LogPart[];
  /** Asks whether the build still runs, so that the last part may grow and others may come. Never rejects. */
  isGrowing(signal: AbortSignal): Promise<boolean>;
}

export interface LogPart {
  readonly path: string;
  readonly query?: Query;
  /** What is said before it, on a line of its own. */
  readonly heading?: string;
}
