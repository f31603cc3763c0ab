import { JobError } from "../core/jobs/errors.ts";
import { AnswerFailure } from "./http/http-failures.ts";
import { RegistryVerdict } from "./trust/verdict.ts";

/**
 * Asks a registry something that only saves work. If its answer cannot be used, the given one counts, and skopeo finds the error itself. Only
 * a verdict on the registry, or its wish for fewer requests, stops a copy.
 */
export async function ifUnderstood<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof JobError) || error instanceof RegistryVerdict || asksForPatience(error)) throw error;
    return otherwise;
  }
}

/** 429, 503, and every answer with a `Retry-After`. */
function asksForPatience(error: JobError): boolean {
  const isBusy = error instanceof AnswerFailure && error.status === 503;
  return error.reason === "RateLimited" || error.retryAfter !== undefined || isBusy;
}
