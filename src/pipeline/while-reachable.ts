import { QueueUnavailableError } from "../queue/job-queue.ts";

/** Does work on the queue. Undefined if the queue could not be reached; then the caller tries again later. */
export async function whileReachable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueueUnavailableError) return undefined;
    throw error;
  }
}
