import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Api } from "./api/api.ts";
import { ApiError } from "./api/api-error.ts";
import { objectPath, type Resource } from "./api/paths.ts";
import { isRefused, type Patience, retrying } from "./api/retrying.ts";
import { asClusterError } from "./api/trouble.ts";

/** A service account that can pull images and do nothing else. */
export interface PullAccount {
  readonly namespace: string;
  readonly name: string;
}

/** The account that a setting names as `[namespace/]name`; without a namespace, in the bot's own. */
export function readPullAccount(text: string, own: string | undefined): PullAccount {
  const [name = "", namespace = own ?? "default"] = text.split("/").reverse();
  return { namespace, name };
}

/** The account's user name in the cluster. */
export function userNameOf({ namespace, name }: PullAccount): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

export interface PullTokenParts {
  readonly api: Api;
  readonly patience: Patience;
  readonly clock: Clock;
}

const serviceAccounts: Resource = { group: "", version: "v1", plural: "serviceaccounts" };

/** Seconds that a token is valid: it must be longer than an image waits until the analysis service pulls it. */
const lifetime = 3600;

/** Milliseconds for which the same token is used. */
const keep = 5 * 60_000;

/**
 * Provides short-lived tokens of a service account (TokenRequest), each for some minutes, and keeps them only in memory. Failures are
 * `JobError`s that say what to do.
 */
export function createPullTokens({ api, patience, clock }: PullTokenParts, account: PullAccount): () => Promise<string> {
  let known: { readonly token: string; readonly until: number } | undefined;
  let running: Promise<string> | undefined;
  // All callers share one request, so no caller's signal ends it; the API's own timeout does.
  const { signal } = new AbortController();

  async function request(): Promise<string> {
    const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: lifetime } };
    const path = `${objectPath(serviceAccounts, account.namespace, account.name)}/token`;
    const begun = clock.now();
    try {
      const token = tokenOf(await retrying(patience, signal, () => api.post(path, asked, signal)));
      known = { token, until: begun + keep };
      return token;
    } catch (error) {
      throw explained(error, account);
    }
  }

  return async () => {
    if (known && clock.now() < known.until) return known.token;
    running ??= request().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function tokenOf(answer: unknown): string {
  const token = (answer as { status?: { token?: unknown } } | null)?.status?.token;
  if (typeof token === "string" && /^[\x21-\x7e]{1,16384}$/.test(token)) return token;
  throw new ApiError("BadData", "The answer holds no token");
}

function explained(error: unknown, account: PullAccount): JobError {
  const { namespace, name } = account;
  if (!(error instanceof ApiError && isRefused(error, "Forbidden", "NotFound")))
    return asClusterError(error, { verb: "create", resource: "serviceaccounts/token", namespace });
  return new JobError(
    "ClusterDenied",
    `The bot cannot get a token of the service account ${namespace}/${name}, which pulls images (${error.message}): ` +
      "apply openshift/rbac.yaml, which makes the account and its roles, or correct BUILD_WATCHER_PULL_ACCOUNT",
    { cause: error },
  );
}
