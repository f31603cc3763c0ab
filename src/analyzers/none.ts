import type { Analyzer } from "./analyzer.ts";

/** Analyzes nothing: images are only shown, copied if a push registry is set, and notified. */
export function createNoAnalyzer(): Analyzer {
  return {
    name: "none",
    submit: async () => ({ analyzer: "none", analyses: [], notes: [] }),
    discover: async () => undefined,
  };
}
