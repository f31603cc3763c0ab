import { setImmediate as nextTurn } from "node:timers/promises";
import express, { type Request, type Response, Router } from "express";
import { failedOutcomes, type JobOutcome } from "../../core/jobs/job-outcome.ts";
import type { LookedAt, RecordFilter } from "../../queue/job-queue.ts";
import type { PageParts } from "../page-parts.ts";
import { isFiltered, readFilter, toRecordFilter } from "../records/list-filter.ts";
import { answerProblem, changersOnly, wantsJson } from "./guard.ts";

/** Jobs read from the queue at a time. */
const batch = 200;

/** What the page's buttons do. */
export function actionRoutes({ queue, access, clock }: PageParts): Router {
  const router = Router();
  router.use("/jobs", express.urlencoded({ extended: false, limit: "4kb" }));

  router.post("/jobs/retry-failed", changersOnly(access), async (request, response) => {
    const retried = await changeMatching(queue, "retry", {}, failedOutcomes);
    if (wantsJson(request)) response.json({ retried });
    else goBack(request, response);
  });
  for (const verb of ["retry", "dismiss"] as const) {
    router.post(`/jobs/${verb}-matching`, changersOnly(access), async (request, response) => {
      const filter = readFilter(request.query);
      if (!isFiltered(filter)) return answerProblem(request, response, 400, "No filter", "Narrow the list first.");
      const changed = await changeMatching(queue, verb, toRecordFilter(filter, clock.now()));
      if (wantsJson(request)) response.json({ changed });
      else goBack(request, response);
    });
  }
  for (const [verb, why] of Object.entries(refusals)) {
    router.post(`/jobs/:id/${verb}`, changersOnly(access), async (request: Request<{ id: string }>, response) => {
      const isDone = await queue[verb as keyof typeof refusals](request.params.id);
      if (!isDone) answerProblem(request, response, 409, "That cannot be done now", why);
      else if (wantsJson(request)) response.json({ id: request.params.id });
      else goBack(request, response);
    });
  }
  return router;
}

/** Why a job cannot be retried or dismissed. */
export const refusals = {
  retry: "There is no such job, or it is running.",
  dismiss: "There is no such job, or it is running or done.",
} as const;

/** Which jobs the buttons for many jobs change. */
const changeable: readonly JobOutcome[] = [...failedOutcomes, "waiting"];

/** Changes every job that fits and waits, failed, or whose analysis failed. Reads all ids first, because a changed job leaves the list. */
async function changeMatching(
  queue: Pick<PageParts["queue"], "look" | "retry" | "dismiss">,
  verb: "retry" | "dismiss",
  filter: RecordFilter,
  among: readonly JobOutcome[] = changeable,
): Promise<number> {
  const ids: string[] = [];
  for (const outcome of among.filter((each) => (filter.outcome ?? each) === each)) {
    for (let rest: RecordFilter | undefined = {}; rest; await nextTurn()) {
      const step: LookedAt = await queue.look(batch, batch, { ...filter, outcome, ...rest });
      ids.push(...step.records.map(({ job }) => job.id));
      rest = step.rest;
    }
  }
  const answers = await Promise.all(ids.map((id) => queue[verb](id)));
  return answers.filter(Boolean).length;
}

/** Back to the page of the form, if it is one of ours. */
function goBack(request: Request, response: Response): void {
  const referrer = request.headers.referer;
  const url = referrer !== undefined && URL.canParse(referrer) ? new URL(referrer) : undefined;
  const isOurs =
    url !== undefined && url.host === request.headers.host && url.pathname.startsWith("/") && !url.pathname.startsWith("//");
  response.redirect(303, isOurs ? `${url.pathname}${url.search}` : "/");
}
