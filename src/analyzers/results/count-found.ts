import { setImmediate as nextTurn } from "node:timers/promises";
import { noVulnerabilities, type Severity, type SeverityCounts, severityOf } from "../../core/jobs/findings.ts";
import { textOf } from "../http/json.ts";

/** The parts of a vulnerability that count. */
export interface Found {
  readonly id: string;
  readonly severity: string;
  readonly fixable: boolean;
}

/** Vulnerabilities looked at in one turn of the event loop. */
const atOnce = 5_000;

/** A vulnerability as an answer has it; those without a readable name count as one. */
export function found(id: unknown, severity: unknown, fixable: boolean): Found {
  return { id: typeof id === "number" ? String(id) : (textOf(id) ?? ""), severity: textOf(severity) ?? "", fixable };
}

/** Counts each vulnerability once, however many packages have it: by the first severity that is said of it, and as fixable if it is so anywhere. */
export async function countFound(
  all: Iterable<Found>,
): Promise<{ readonly severities: SeverityCounts; readonly fixable: number }> {
  const severities: Record<Severity, number> = { ...noVulnerabilities };
  const known = new Map<string, boolean>();
  let [looked, fixable] = [0, 0];
  for (const one of all) {
    const wasFixable = known.get(one.id);
    if (wasFixable === undefined) severities[severityOf(one.severity)] += 1;
    if (one.fixable && !wasFixable) fixable += 1;
    known.set(one.id, one.fixable || wasFixable === true);
    if (++looked % atOnce === 0) await nextTurn();
  }
  return { severities, fixable };
}
