import { JobError } from "../../core/jobs/errors.ts";

/**
 * What the bot itself decides about a registry, so that nothing else is tried: it is not trusted, or it is none. Every other failure of the bot's
 * own requests only means that skopeo is asked.
 */
export class RegistryVerdict extends JobError {}

/** The bot does not go there, or sends no login there. */
export function untrusted(message: string, host: string): RegistryVerdict {
  return new RegistryVerdict("RegistryUntrusted", message, { host });
}

/** Something answers in a registry's place: to skopeo its answers would look like success. */
export function noRegistry({ host, pathname }: URL, type: string): RegistryVerdict {
  return new RegistryVerdict(
    "CopyFailed",
    `${host} answers ${pathname.slice(0, 100)} with ${type.slice(0, 50)}, which is not an answer of a registry: something else answers there, such as a login page or a web server`,
    { host },
  );
}
