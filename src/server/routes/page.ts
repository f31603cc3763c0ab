import { setImmediate as nextTurn } from "node:timers/promises";
import { type Request, type Response, Router } from "express";
import type { Job } from "../../core/jobs/job.ts";
import { groupOf } from "../../core/jobs/job.ts";
import { remedyFor } from "../../core/jobs/remedies.ts";
import { linesForPeople } from "../../core/outside-text.ts";
import { mayPressButtons, refuseLogs } from "../listening/access.ts";
import { packagesOfJob } from "../packages/job-packages.ts";
import type { PageParts } from "../page-parts.ts";
import { findChain } from "../records/chain.ts";
import { gatherGroups } from "../records/groups.ts";
import { fits, isFiltered, listPath, readFilter, toRecordFilter } from "../records/list-filter.ts";
import { foldedProblems, readStatus } from "../status.ts";
import { type Html, toText } from "../views/html.ts";
import { withFormToken } from "../views/layout.ts";
import { jobPage, type LogTail } from "../views/pages/job-page.ts";
import { jobsPage, mostCounted } from "../views/pages/jobs-page.ts";
import { answerProblem, callerOf } from "./guard.ts";

const pageSize = 50;
/** Milliseconds that the cluster may take to send a log. */
const logPatience = 15_000;

/** The pages for people: the list at `/` and every job's own. */
export function pageRoutes(parts: PageParts): Router {
  const { queue, clock, live, access, findRecords, countRecords } = parts;
  const router = Router();

  router.get("/", async (request, response) => {
    const since = await live.position();
    const now = clock.now();
    const filter = readFilter(request.query);
    const status = await readStatus(parts);
    const without = isFiltered(filter) ? [] : foldedProblems(status.problems);
    const { records, next } = await findRecords(pageSize, { ...toRecordFilter(filter, now), without });
    const groups = await gatherGroups(queue, records, (record) => fits(record, filter));
    const fitting = await countRecords(mostCounted, toRecordFilter(filter, now));
    await nextTurn();
    const page = jobsPage({
      status,
      records,
      groups,
      next,
      filter,
      fitting,
      folded: without.reduce((sum, { waiting }) => sum + waiting, 0),
      now,
      mayChange: mayPressButtons(callerOf(request), access),
      readsPackages: parts.packages !== undefined,
      events: withSince(listPath(filter, "/events"), since),
    });
    sendPage(request, response, page);
  });

  router.get("/jobs/:id", async (request: Request<{ id: string }>, response) => {
    const since = await live.position();
    const record = await queue.find(request.params.id);
    if (!record)
      return answerProblem(request, response, 404, "No such job", "It may have been forgotten: ended jobs are kept for a while.");
    const page = jobPage({
      record,
      members: await queue.ofGroups([groupOf(record.job)]),
      chain: await findChain(queue, record),
      remedy: record.error && remedyFor(record.error, parts.pushRegistry),
      console: parts.console(),
      version: parts.version,
      packages: parts.packages && (await packagesOfJob(record, { queue, known: parts.packages.known })),
      log: request.query.log === undefined ? undefined : await readLog(parts, record.job, request),
      now: clock.now(),
      mayChange: mayPressButtons(callerOf(request), access),
      readsPackages: parts.packages !== undefined,
      events: withSince(`/events?job=${encodeURIComponent(record.job.id)}`, since),
    });
    sendPage(request, response, page);
  });
  return router;

  /** Forms carry their token only where they work. */
  function sendPage(request: Request, response: Response, page: Html): void {
    const text = toText(page);
    const isWorking = access.formToken !== undefined && mayPressButtons(callerOf(request), access);
    response.type("html").send(isWorking ? withFormToken(text, access.formToken) : text);
  }
}

function withSince(path: string, since: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}since=${since}`;
}

async function readLog({ readBuildLog, access }: PageParts, { build }: Pick<Job, "build">, request: Request): Promise<LogTail> {
  const refusal = refuseLogs(callerOf(request), access);
  if (refusal) return { missing: refusal.message };
  if (!build) return { missing: "This job has no build, so there is no build log." };
  try {
    const text = await readBuildLog(build, AbortSignal.timeout(logPatience));
    return text === undefined ? { missing: "The cluster no longer has a log of this build." } : { text: linesForPeople(text) };
  } catch (error) {
    return { missing: `The log cannot be read now: ${error instanceof Error ? error.message : "the cluster does not answer"}` };
  }
}
