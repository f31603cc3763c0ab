import type { Api, Query } from "../cluster/api/api.ts";
import type { Resource } from "../cluster/api/paths.ts";
import type { Right } from "../cluster/rights.ts";
import type { NamedBuild } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";
import type { ConsolePages } from "../core/hosts/web-links.ts";

/** A build system. Settings, commands, links, templates of rights and tables in the guides are derived from it. */
export interface BuildSystem {
  /** Its name in BUILD_WATCHER_SOURCES, in the setting of its selector and in the files with its rights. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** Where it comes from, for the guide. */
  readonly origin: string;
  /** What is good to know about its selector, in whole sentences. */
  readonly selectorHint?: string;
  /** Its kinds of objects. If several make one image, the first of them reports it. */
  sources(settings: SourceSettings): readonly BuildSource[];
}

/** What classifying depends on. */
export interface SourceSettings {
  /** Patterns of results of runs that do not name a built image: `*` stands for any characters. */
  readonly ignoreResults: readonly string[];
}

/** One kind of objects of a build system: where they are, what they mean, and where their logs are. */
export interface BuildSource {
  /** The build system's name. */
  readonly name: string;
  /** What people call one: as in `BuildKey.kind`, where OpenShift's Build is left out. No two sources have the same. */
  readonly kind: string;
  /** Its `kind` in the cluster; absent: the same. */
  readonly objectKind?: string;
  readonly resource: Resource;
  /** The kind that builds are made from and that can be tracked: `BuildConfig`. */
  readonly owner: string;
  /** Where owners are, if their builds do not get their annotations: then the skip annotation is looked up there. */
  readonly owners?: Resource;
  /** The names of both in the addresses of OpenShift's console. It may have no page for an owner. */
  readonly console: ConsolePages;
  /** Its group adds no rights to the role `view`, so that a role of its own grants them. */
  readonly isOutsideView?: true;
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
  /** Whether other pods can take the place of those that are gone. */
  readonly isOfPods?: boolean;
  /** Whether the build still runs, so that the last part can grow and others can follow. Never rejects. */
  isGrowing(signal: AbortSignal): Promise<boolean>;
}

export interface LogPart {
  /** Tells it from other parts, also from one of a pod of the same name. */
  readonly id: string;
  readonly path: string;
  readonly query?: Query;
  /** The heading before it, on its own line. */
  readonly heading?: string;
}
