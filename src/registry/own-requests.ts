import { JobError } from "../core/errors.ts";
import { AnswerFailure } from "./http/http-failures.ts";
import { RegistryVerdict } from "./trust/verdict.ts";

/**
 * What the bot asks a registry to save work, or this answer where the registry's cannot be used: then skopeo finds out, in its own words. What may
 * stop a copy is a verdict on the registry, and that it asks for patience.
 */
export async function ifUnderstood<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof JobError) || error instanceof RegistryVerdict || asksForPatience(error)) throw error;
    return otherwise;
  }
}

/** 429 and 503, and whatever comes with a `Retry-After`. */
function asksForPatience(error: JobError): boolean {
  const isBusy = error instanceof AnswerFailure && error.status === 503;
  return error.reason === "RateLimited" || error.retryAfter !== undefined || isBusy;
}
