import { QueueUnavailableError } from "../queue/job-queue.ts";

/** Does work on the queue; answers undefined when that could not be reached, for whoever does the same again later. */
export async function whileReachable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueueUnavailableError) return undefined;
    throw error;
  }
}
