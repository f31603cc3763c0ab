import { jobOutcomes } from "../core/jobs/job-outcome.ts";
import { jobStates } from "../queue/job-queue.ts";

/** What `jobs --state` takes. */
export const listedStates: readonly string[] = [...new Set([...jobStates, ...jobOutcomes])];
