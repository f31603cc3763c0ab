import { forPeople, longestId, outsideText, webLink } from "../../core/outside-text.ts";
import type { AnalysisStatus, Analyzer, Submission } from "../analyzer.ts";

/** Notes that are kept of one answer. */
const mostNotes = 50;

/**
 * The same analyzer, of whose answers only so much is kept as can be shown and handed on: ids and texts of bounded length on one line, links to
 * pages alone.
 */
export function bounded(analyzer: Analyzer): Analyzer {
  const ask = analyzer.status?.bind(analyzer);
  return {
    ...analyzer,
    submit: async (request, signal) => boundedSubmission(await analyzer.submit(request, signal)),
    ...(ask && { status: async (id: string, signal: AbortSignal) => boundedStatus(await ask(id, signal)) }),
  };
}

function boundedSubmission({ link, ...submission }: Submission): Submission {
  const page = webLink(link);
  return {
    ...submission,
    analyses: submission.analyses.map((analysis) => ({ ...analysis, id: forPeople(analysis.id, longestId) })),
    notes: submission.notes.slice(0, mostNotes).map((note) => forPeople(note)),
    ...(page !== undefined && { link: page }),
    ...boundedFindings(submission),
  };
}

function boundedStatus({ link, reason, ...status }: AnalysisStatus): AnalysisStatus {
  const [page, why] = [webLink(link), outsideText(reason)];
  return {
    ...status,
    ...(page !== undefined && { link: page }),
    ...(why !== undefined && { reason: why }),
    ...boundedFindings(status),
  };
}

function boundedFindings({ findings }: Pick<Submission, "findings">): Pick<Submission, "findings"> {
  const why = outsideText(findings?.why);
  return findings ? { findings: { ...findings, ...(why !== undefined && { why }) } } : {};
}
