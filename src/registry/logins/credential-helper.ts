import { runChild } from "../../children/child.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import type { Clock } from "../../core/clock.ts";
import type { Proxies } from "../../core/hosts/proxy.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { RegistryLogin } from "./auth-file.ts";

export interface HelperSettings {
  readonly host: HostProcess;
  readonly clock: Clock;
  readonly proxies: Proxies;
}

/** Runs the credential helpers of docker config files: `docker-credential-<name> get` (docker/docker-credential-helpers). */
export interface CredentialHelpers {
  /** A helper's login for a host; undefined when it has none. Throws `JobError` when it cannot be run or fails. */
  get(name: string, host: string, signal: AbortSignal): Promise<RegistryLogin | undefined>;
  /** Why a helper cannot be used; undefined when it can be run. */
  fault(name: string): Promise<string | undefined>;
}

/** Milliseconds that a helper may take; those of clouds ask their service for a token. */
const patience = 30_000;
/** Variables that the helpers of clouds need to identify the bot. */
const ofClouds = /^(?:AWS|GOOGLE|CLOUDSDK|AZURE|ACR|HOME$|XDG_CONFIG_HOME$|PATH$|SSL_CERT_)/;
const keepsNone = /credentials not found|no credentials/i;

export function createCredentialHelpers({ host, clock, proxies }: HelperSettings): CredentialHelpers {
  const allowed = Object.entries(host.env).filter(([name]) => ofClouds.test(name));
  const environment = { ...(Object.fromEntries(allowed) as Record<string, string>), ...proxies.environment };

  function run(name: string, args: readonly string[], input: string, signal: AbortSignal) {
    const command = `docker-credential-${name}`;
    const late = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    return runChild({ command, args, input, environment, host, clock }, late).catch((error: NodeJS.ErrnoException) => {
      throw new JobError(
        "RegistryDenied",
        `${command}, which an auth file names, cannot be run (${error.code ?? error.message})`,
        { retryable: true },
      );
    });
  }

  return {
    async get(name, registry, signal) {
      const { code, stdout, stderr } = await run(name, ["get"], registry, signal);
      signal.throwIfAborted();
      if (code !== 0 && keepsNone.test(stdout + stderr)) return undefined;
      const login = code === 0 ? readAnswer(stdout) : undefined;
      if (login) return login;
      const ended = code === null ? `it was ended after ${patience / 1000} s` : `it ended with code ${code}`;
      // The service that it asks can be down.
      throw new JobError("RegistryDenied", `docker-credential-${name} gave no login for ${registry} (${ended})`, {
        retryable: true,
      });
    },
    async fault(name) {
      const signal = AbortSignal.timeout(patience);
      return run(name, ["version"], "", signal).then(
        () => undefined,
        (error: Error) => error.message,
      );
    },
  };
}

/** A user called `<token>` means that the secret is a refresh token. */
function readAnswer(text: string): RegistryLogin | undefined {
  try {
    const { Username: user, Secret: password } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof user !== "string" || typeof password !== "string" || password === "") return undefined;
    return user === "<token>" ? { user: "", password: "", identityToken: password } : { user, password };
  } catch {
    return undefined;
  }
}
