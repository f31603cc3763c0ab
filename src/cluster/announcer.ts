import type { BuildKey } from "../core/build.ts";

/** What is said of a build where people look at the cluster. */
export interface BuildEvent {
  readonly type: "Normal" | "Warning";
  /** Why, in one word: CamelCase. */
  readonly reason: string;
  /** What the bot did: CamelCase. */
  readonly action: string;
  /** For people; what is too long for an Event is cut off. */
  readonly note: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Tells apart what happened to one build; the same occasion is told once. */
  readonly occasion: string;
}

/**
 * The one door by which the bot writes to the cluster. What can pass is retried a few times; failures are
 * `JobError("ClusterUnavailable")` that name a missing right and the command that grants it. A fired signal rejects.
 */
export interface BuildAnnouncer {
  /**
   * Sets the bot's own annotations of a Build, by the names behind its prefix; undefined takes one away, and all others stay. A Build that is
   * gone, or whose name another has by now, is left alone.
   */
  annotate(build: BuildKey, fields: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<void>;
  /** Emits an Event about a Build. */
  event(build: BuildKey, event: BuildEvent, signal: AbortSignal): Promise<void>;
}
