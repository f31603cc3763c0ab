import { failureAt, JobError } from "../../core/jobs/errors.ts";
import type { Analyzer } from "../analyzer.ts";

/** The same analyzer, whose failures say at which host. */
export function namingHost(analyzer: Analyzer, host: string): Analyzer {
  const named = (error: unknown) => {
    throw error instanceof JobError ? failureAt(error, host) : error;
  };
  const ask = analyzer.status?.bind(analyzer);
  return {
    ...analyzer,
    submit: (request, signal) => analyzer.submit(request, signal).catch(named),
    discover: (signal) => analyzer.discover(signal).catch(named),
    ...(ask && { status: (id: string, signal: AbortSignal) => ask(id, signal).catch(named) }),
  };
}
