import { isDeepStrictEqual } from "node:util";
import { JobError } from "../../core/jobs/errors.ts";

/** Tries with the current logins. If they are denied and have changed meanwhile (a rotated secret), it tries once more. */
export async function retryWithFreshLogins<Logins, Result>(
  read: () => Promise<Logins>,
  attempt: (logins: Logins) => Promise<Result>,
): Promise<Result> {
  const logins = await read();
  try {
    return await attempt(logins);
  } catch (error) {
    if (!(error instanceof JobError) || error.reason !== "RegistryDenied") throw error;
    const fresh = await read();
    if (isDeepStrictEqual(fresh, logins)) throw error;
    return attempt(fresh);
  }
}
