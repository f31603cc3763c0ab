import type { BuildKey } from "../core/builds/build.ts";

/** A message about a build in the cluster. */
export interface BuildEvent {
  readonly type: "Normal" | "Warning";
  /** Why, in one word: CamelCase. */
  readonly reason: string;
  /** What the bot did: CamelCase. */
  readonly action: string;
  /** For people; cut to the length of an Event. */
  readonly note: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Distinguishes several messages about one build; the same occasion is written once. */
  readonly occasion: string;
}

/**
 * The only door through which the bot writes to the cluster. Temporary failures are retried a few times. Failures are
 * `JobError("ClusterUnavailable")` that name a missing right and the command that grants it. A fired signal rejects.
 */
export interface BuildAnnouncer {
  /**
   * Sets the bot's own annotations of a Build, by their names without the prefix; undefined removes one, and all others stay. A Build that is
   * gone, or whose name another Build now has, is left alone.
   */
  annotate(build: BuildKey, fields: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void>;
  /** Emits an Event about a Build. */
  event(build: BuildKey, event: BuildEvent, signal: AbortSignal): Promise<void>;
}
