import { forPeople, longestFailure } from "../outside-text.ts";

/**
 * Every way a job can fail, declared once: what it means and what an operator does about it.
 * `retryable`: it can go away with time. `pauses`: the analysis endpoint is at fault, which every job needs, so the whole queue waits for it.
 */
export const failureReasons = {
  BadReference: {
    retryable: false,
    pauses: false,
    remedy: "The image name is not valid: correct it where the image was named.",
  },
  ImageNotFound: {
    retryable: false,
    pauses: false,
    remedy: "The image is gone from its registry: build it again, or dismiss the job.",
  },
  ImageDamaged: {
    retryable: false,
    pauses: false,
    remedy:
      "The registry's bytes do not match the image's digests: push or build the image again, and check the registry's storage.",
  },
  RegistryDenied: {
    retryable: false,
    pauses: false,
    remedy:
      "Grant system:image-puller to the bot, or set THOTH_SRC_REGISTRY_USER and THOTH_SRC_REGISTRY_PASSWORD, with BUILD_WATCHER_SRC_REGISTRY for a registry outside the cluster (THOTH_DST_… for the push registry).",
  },
  ForeignNamespace: {
    retryable: false,
    pauses: false,
    remedy:
      "The image is in a namespace of the cluster's registry that the bot does not read for this build: watch that namespace as well (THOTH_WATCHED_NAMESPACE) if that is right, or dismiss the job.",
  },
  RegistryUntrusted: {
    retryable: false,
    pauses: false,
    remedy:
      "The error says what is not trusted. For a certificate, put the registry's CA certificate into the directory named by BUILD_WATCHER_REGISTRY_CERTS, or switch verification off for it. For a host or a token service, see BUILD_WATCHER_TRUSTED_HOSTS.",
  },
  RegistryUnavailable: {
    retryable: true,
    pauses: false,
    remedy: "The registry does not answer. The job is retried automatically.",
  },
  RateLimited: {
    retryable: true,
    pauses: false,
    remedy: "The registry limits requests. The job is retried automatically. BUILD_WATCHER_PER_REGISTRY lowers the load.",
  },
  ProxyRefused: {
    retryable: true,
    pauses: false,
    remedy:
      "The proxy on the way to the registry refused the request: check HTTPS_PROXY and its login, or name the registry in NO_PROXY. The job is retried automatically.",
  },
  LoginExpired: {
    retryable: true,
    pauses: false,
    remedy:
      "The registry says that the login has expired: renew it. An auth file is read again as soon as it changes. The job is retried automatically.",
  },
  RegistryFull: {
    retryable: true,
    pauses: false,
    remedy:
      "The push registry has no room left for this image: raise its quota or delete old copies. The job is retried automatically.",
  },
  RegistryReadOnly: {
    retryable: true,
    pauses: false,
    remedy:
      "The push registry takes no uploads now (read-only or maintenance mode): switch that off. The job is retried automatically.",
  },
  RegistryUnlicensed: {
    retryable: true,
    pauses: false,
    remedy: "The registry lacks a licence or a paid plan: renew it. The job is retried automatically.",
  },
  PolicyViolation: {
    retryable: false,
    pauses: false,
    remedy: "A policy of the registry blocks this image (its scan, its signature, its project's rules). The error says which.",
  },
  NoSuchRepository: {
    retryable: false,
    pauses: false,
    remedy:
      "This repository or project is missing in the push registry, and a push does not create it. Create it, or set BUILD_WATCHER_PUSH_LAYOUT=flat, which needs only one.",
  },
  UploadTooLarge: {
    retryable: false,
    pauses: false,
    remedy:
      "Something in front of the push registry limits the size of uploads (413): raise that limit, in nginx client_max_body_size.",
  },
  UnsupportedImage: {
    retryable: false,
    pauses: false,
    remedy:
      "The push registry does not accept this kind of image, and converting it would change its digest: allow OCI images and all compressions there, or build it in Docker's format.",
  },
  NotAnImage: {
    retryable: false,
    pauses: false,
    remedy: "This is not a container image, so there is nothing to analyze: dismiss the job.",
  },
  IncompleteImage: {
    retryable: false,
    pauses: false,
    remedy: "The image names parts that its registry does not have: push it again with all its platforms, then retry.",
  },
  NestedIndex: {
    retryable: false,
    pauses: false,
    remedy: "The image is an index of indexes, which skopeo does not copy: name one of the indexes it holds.",
  },
  SignatureRefused: {
    retryable: false,
    pauses: false,
    remedy: "The signature policy of the machine that runs skopeo (/etc/containers/policy.json) does not accept this image.",
  },
  DiskFull: {
    retryable: true,
    pauses: false,
    remedy: "Free space where the bot keeps its state (BUILD_WATCHER_STATE_DIR) or enlarge the volume.",
  },
  CopyFailed: {
    retryable: true,
    pauses: false,
    remedy: "skopeo failed in a way the bot does not know. The error is its last line.",
  },
  AnalyzerRejected: {
    retryable: false,
    pauses: false,
    remedy:
      "The analysis service refused this image, and the error is its answer. If it could not read the image, give it a login (THOTH_PASS_TOKEN) or copy the image (THOTH_PUSH_REGISTRY), then retry. Otherwise dismiss the job.",
  },
  AnalyzerLogin: {
    retryable: true,
    pauses: true,
    remedy:
      "The analysis service refuses the bot's login: correct the token or key that the error names. Its jobs wait for that.",
  },
  AnalyzerMissing: {
    retryable: false,
    pauses: false,
    remedy: "The analyzer is no longer among BUILD_WATCHER_ANALYZERS: name it there and retry the job, or dismiss it.",
  },
  AnalyzerUnavailable: {
    retryable: true,
    pauses: true,
    remedy:
      "The analysis service that the error names is down or overloaded, or not where its setting says. The job is retried automatically.",
  },
  AnalyzerFailed: {
    retryable: true,
    pauses: false,
    remedy: "The analysis endpoint failed on this submission. The job is retried automatically. Its own log says more.",
  },
  AnalyzerProtocol: {
    retryable: true,
    pauses: false,
    remedy: "The analysis endpoint gave an answer that its API does not allow: check the setting that the error names.",
  },
  ClusterUnavailable: {
    retryable: true,
    pauses: false,
    remedy: "The OpenShift API did not answer. The job is retried automatically.",
  },
  ClusterDenied: {
    retryable: true,
    pauses: false,
    remedy: "The bot lacks a right in the cluster. The error names the command that grants it.",
  },
  DatabaseUnavailable: {
    retryable: true,
    pauses: false,
    remedy:
      "The database of BUILD_WATCHER_DATABASE_URL cannot be used now; the error says why, and build-watcher check says more. The job is retried automatically.",
  },
  TimedOut: {
    retryable: true,
    pauses: false,
    remedy: "The job exceeded BUILD_WATCHER_JOB_TIMEOUT. The job is retried automatically.",
  },
  AnalysisPending: {
    retryable: true,
    pauses: false,
    remedy: "The analysis has not ended yet. The bot asks again automatically, for as long as BUILD_WATCHER_FOLLOW_FOR says.",
  },
  NotificationFailed: {
    retryable: true,
    pauses: false,
    remedy:
      "A receiver of notifications (BUILD_WATCHER_NOTIFY_URL) did not accept one. It is retried automatically. The error says what it answered.",
  },
  NotificationRefused: {
    retryable: false,
    pauses: false,
    remedy:
      "A receiver of notifications is gone (410) or is not allowed: correct BUILD_WATCHER_NOTIFY_URL, or see BUILD_WATCHER_NOTIFY_ALLOW_LOCAL.",
  },
  Unexpected: {
    retryable: true,
    pauses: false,
    remedy: "An unexpected error. The job is retried automatically. Please report it with the error in the job's record.",
  },
} as const satisfies Record<string, { retryable: boolean; pauses: boolean; remedy: string }>;

export type FailureReason = keyof typeof failureReasons;

export interface JobErrorOptions {
  /** Overrides the reason's default. */
  readonly retryable?: boolean;
  /** Milliseconds that the other side asked the bot to wait. */
  readonly retryAfter?: number;
  /** The registry or endpoint that failed: `host[:port]`, or as the settings name it. */
  readonly host?: string;
  readonly cause?: unknown;
}

/** The one error that leaves a door: why a job failed, and whether a retry can help. Its message is one safe line for people. */
export class JobError extends Error {
  override readonly name = "JobError";
  readonly reason: FailureReason;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly host: string | undefined;

  constructor(reason: FailureReason, message: string, options: JobErrorOptions = {}) {
    super(forPeople(message, longestFailure), options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.retryable = options.retryable ?? failureReasons[reason].retryable;
    this.retryAfter = options.retryAfter;
    this.host = options.host;
  }

  /** Whether the analysis endpoint is the cause, so that no other job needs to be tried until it is back. */
  get pauses(): boolean {
    return this.retryable && failureReasons[this.reason].pauses;
  }
}

/** The same failure with the host it is about. A failure that already names a host stays as it is. */
export function failureAt(error: unknown, host: string): JobError {
  const failure = asJobError(error);
  if (failure.host !== undefined) return failure;
  const { reason, message, retryable, retryAfter, cause } = failure;
  return new JobError(reason, message, { retryable, host, cause, ...(retryAfter !== undefined && { retryAfter }) });
}

/** The bot cannot start, or a command cannot do what it was asked. The message says what to change. No stack is shown. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** Anything thrown as a `JobError`. An unknown error is retryable. */
export function asJobError(error: unknown): JobError {
  if (error instanceof JobError) return error;
  return new JobError("Unexpected", describe(error), { cause: error });
}

function describe(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  try {
    return `A job threw ${JSON.stringify(error) ?? String(error)}`;
  } catch {
    return "A job threw something that cannot be shown";
  }
}
