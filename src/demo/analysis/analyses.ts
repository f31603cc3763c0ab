import { createHash } from "node:crypto";

/** What the service answers for one part of a submission. */
interface Accepted {
  readonly analysis_id: string;
  readonly cached: boolean;
}

/** An image that the service cannot read, and its message. */
interface Unreadable {
  readonly error: string;
  readonly status: 400 | 403;
}

/** The service's memory: results by image and parameters, and the images it cannot read. */
export interface Analyses {
  /** The same thing analyzed again is answered from memory, unless forced. */
  start(kind: string, subject: string, environment: string | undefined, force: boolean): Accepted;
  unreadable(image: string, error: string, status?: 400 | 403): void;
  faultOf(image: string): Unreadable | undefined;
  /** The state of an analysis; asking moves it on. */
  ask(id: string): AnalysisState | undefined;
  state(id: string): AnalysisState | undefined;
  /** The newest analysis of an image with this digest. */
  byDigest(digest: string): string | undefined;
}

export interface AnalysisState {
  readonly subject: string;
  readonly state: string;
  readonly ended: boolean;
}

interface Analysis {
  readonly subject: string;
  asked: number;
}

/** Each question gets the next of `states`; the last one stays. */
export function createAnalyses(states: readonly string[]): Analyses {
  const analyses = new Map<string, Analysis>();
  const results = new Map<string, string>();
  const digests = new Map<string, string>();
  const unreadables = new Map<string, Unreadable>();

  function stateOf(id: string, advance: boolean): AnalysisState | undefined {
    const analysis = analyses.get(id);
    if (!analysis) return undefined;
    const step = Math.min(analysis.asked, states.length - 1);
    if (advance) analysis.asked += 1;
    const state = states[step] ?? "success";
    return { subject: analysis.subject, state, ended: state !== "pending" && state !== "running" };
  }

  return {
    start(kind, subject, environment = "runtime", force) {
      const key = `${kind} ${environment} ${subject}`;
      const known = results.get(key);
      if (known && !force) return { analysis_id: known, cached: true };
      const id = `${kind}-${hash(`${key} ${analyses.size}`)}`;
      analyses.set(id, { subject, asked: 0 });
      results.set(key, id);
      const digest = subject.split("@")[1];
      if (digest) digests.set(digest, id);
      return { analysis_id: id, cached: false };
    },
    unreadable(image, error, status = 400) {
      unreadables.set(image, { error, status });
    },
    faultOf: (image) => unreadables.get(image),
    ask: (id) => stateOf(id, true),
    state: (id) => stateOf(id, false),
    byDigest: (digest) => digests.get(digest),
  };
}

/** Enough of a hash to be unique here. */
export function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
