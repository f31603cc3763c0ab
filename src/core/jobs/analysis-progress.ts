/** What an analysis service says of one analysis. */
export interface ToldProgress {
  readonly state: "running" | "succeeded" | "failed" | "unknown";
  readonly endedAt?: number;
  readonly reason?: string;
}

/** What that means: the analysis ended, is asked after again, or nobody asks any longer. */
export type AnalysisProgress =
  | { readonly kind: "ended"; readonly state: "succeeded" | "failed"; readonly endedAt: number; readonly reason?: string }
  | { readonly kind: "pending" }
  | { readonly kind: "given-up"; readonly because: "still-running" | "unknown" };

export interface FollowTerms {
  readonly now: number;
  /** When the analysis was submitted. */
  readonly since: number;
  /** Milliseconds it is followed for. */
  readonly followFor: number;
  /** Whether the service answers for analyses of this kind at all, so that not knowing one means that there is none. */
  readonly answersFor: boolean;
}

/** Milliseconds a service may take to know of what it accepted: it hands analyses to a scheduler. */
const unknownGrace = 60_000;

/** Decides how an analysis goes. One that the service does not know has failed: nobody will see a result. */
export function judgeAnalysis(told: ToldProgress, { now, since, followFor, answersFor }: FollowTerms): AnalysisProgress {
  const age = now - since;
  switch (told.state) {
    case "running":
      return age < followFor ? { kind: "pending" } : { kind: "given-up", because: "still-running" };
    case "unknown":
      if (age < Math.min(unknownGrace, followFor)) return { kind: "pending" };
      if (!answersFor) return { kind: "given-up", because: "unknown" };
      return { kind: "ended", state: "failed", endedAt: now, reason: "the analysis endpoint does not know it" };
    default: {
      const { state, reason, endedAt = now } = told;
      // A service's clock can be wrong, and nothing ends in the future.
      return { kind: "ended", state, endedAt: Math.min(endedAt, now), ...(reason !== undefined && { reason }) };
    }
  }
}
