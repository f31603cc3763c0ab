import type { FailureReason } from "./errors.ts";
import { remedyFor } from "./remedies.ts";

/** What kind of thing is wrong, biggest first: this is the order in which problems are shown. */
export const problemKinds = [
  "cluster",
  "push-registry",
  "endpoint",
  "disk",
  "registry",
  "analyses",
  "namespaces",
  "failed-jobs",
  "retried-jobs",
] as const;
export type ProblemKind = (typeof problemKinds)[number];

/** One thing that is wrong now. Times are milliseconds since the epoch. */
export interface Problem {
  readonly kind: ProblemKind;
  /** What does not work, by name: a short sentence without a full stop. */
  readonly title: string;
  /** What the other side said. */
  readonly detail?: string;
  /** What a person can do about it. */
  readonly remedy?: string;
  /** Jobs that are tried again until it ends. */
  readonly waiting: number;
  /** Jobs that it ended. */
  readonly failed: number;
  readonly since?: number;
  /** What its jobs have in common; absent when it has none of its own. */
  readonly reason?: FailureReason;
  readonly host?: string;
  /** The analyzer that its jobs wait for; absent when it is none's fault. */
  readonly analyzer?: string;
}

/** What keeps a namespace, or with none named the whole cluster, from being watched. */
export interface WatchProblem {
  readonly namespace: string | undefined;
  readonly reason?: "Forbidden" | "Unauthorized" | "Expired" | "Unavailable" | "BadData" | "NotServed" | undefined;
  readonly message: string;
  readonly since: number;
}

/** Jobs for one analyzer that failed for the same reason at the same host. */
export interface FailingJobs {
  /** A job that is tried again just now counts as waiting. */
  readonly state: "waiting" | "failed";
  readonly analyzer: string;
  readonly reason: FailureReason;
  readonly host?: string;
  /** Set when all of them are of builds in this one namespace. */
  readonly namespace?: string;
  readonly jobs: number;
  /** When the first of them began to fail (ms). */
  readonly since: number;
  /** Of the one that changed last. */
  readonly message: string;
}

/** Where the settings say that an analyzer is. */
export interface AnalyzerAddress {
  /** The name of the setting that says it. */
  readonly setting: string;
  /** `host[:port]`; absent for a program. */
  readonly host?: string;
}

/** One analyzer, as far as jobs wait for it. */
export interface AnalyzerState {
  readonly name: string;
  readonly state: "unknown" | "up" | "down";
  readonly downSince?: number | undefined;
  readonly message?: string | undefined;
  readonly address?: AnalyzerAddress | undefined;
  /** Its jobs that wait, whatever for. */
  readonly waiting: number;
}

/** Everything that is known of how things are. */
export interface Circumstances {
  /** How many namespaces are watched; the whole cluster counts as one. */
  readonly watched: number;
  readonly troubles: readonly WatchProblem[];
  readonly analyzers: readonly AnalyzerState[];
  readonly failing: readonly FailingJobs[];
  /** Analyses that failed and were not submitted again; `ended` are those of the last hour. */
  readonly analyses?: { readonly failed: number; readonly lastHour: { readonly ended: number; readonly failed: number } };
  /** The registry that images are copied to: `host[:port][/path]`. */
  readonly pushRegistry: string | undefined;
}

/** Everything that is wrong now, biggest first; nothing when all is well. */
export function problemsOf(circumstances: Circumstances): readonly Problem[] {
  const found = [
    ...watchProblems(circumstances),
    ...circumstances.analyzers.flatMap((analyzer) => endpointProblems(analyzer, circumstances.failing)),
    ...merged(circumstances.failing.filter((group) => !isOfEndpoint(group))).map((group) => groupProblem(group, circumstances)),
    ...analysisProblems(circumstances.analyses),
  ];
  return found.toSorted((a, b) => rank(a) - rank(b) || b.waiting + b.failed - (a.waiting + a.failed));
}

/** A problem in one line: what, how many jobs, and what was said. */
export function problemLine({ title, waiting, failed }: Pick<Problem, "title" | "waiting" | "failed">): string {
  const jobs = jobsLine({ waiting, failed });
  return jobs === "" ? title : `${title}: ${jobs}`;
}

/** `3 jobs wait for it, 2 failed`; empty when it holds up none. */
export function jobsLine({ waiting, failed }: Pick<Problem, "waiting" | "failed">): string {
  const waits = waiting > 0 && `${count(waiting, "job")} ${waiting === 1 ? "waits" : "wait"} for it`;
  const ended = failed > 0 && (waiting > 0 ? `${failed.toLocaleString("en")} failed` : `${count(failed, "job")} failed`);
  return [waits, ended].filter(Boolean).join(", ");
}

function rank({ kind }: Problem): number {
  return problemKinds.indexOf(kind);
}

const watchTitles: Readonly<Record<NonNullable<WatchProblem["reason"]>, string>> = {
  Unavailable: "The cluster does not answer",
  Unauthorized: "The cluster does not accept the bot's login",
  Forbidden: "The bot has no right to read builds",
  NotServed: "The cluster has no builds to watch",
  BadData: "The cluster's answers cannot be read",
  Expired: "The builds are listed again",
};

/** Trouble in every namespace is the cluster's; else the namespaces are counted and the first are named. */
function watchProblems({ troubles, watched }: Circumstances): readonly Problem[] {
  const [first] = troubles;
  if (!first) return [];
  const since = Math.min(...troubles.map((trouble) => trouble.since));
  const common = { waiting: 0, failed: 0, since, detail: first.message };
  if (first.namespace === undefined || troubles.length >= watched) {
    const { reason = "Unavailable" } = first;
    return [{ kind: "cluster", title: `${watchTitles[reason]}: no builds are seen`, ...common }];
  }
  const names = troubles.map(({ namespace }) => namespace ?? "");
  const title =
    names.length === 1
      ? `Namespace ${names.join()} is not watched`
      : `${names.length} of ${watched} namespaces are not watched: ${listed(names)}`;
  return [{ kind: "namespaces", title, ...common }];
}

const namesShown = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - namesShown;
  return `${names.slice(0, namesShown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

interface Group extends Omit<FailingJobs, "analyzer"> {
  readonly waiting: number;
  readonly failed: number;
}

/** What waits and what failed for the same reason at the same host is one problem. */
function merged(failing: readonly FailingJobs[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const part of failing) {
    const key = `${part.reason} ${part.host ?? ""}`;
    const known = groups.get(key);
    const sum = { waiting: known?.waiting ?? 0, failed: known?.failed ?? 0 };
    sum[part.state] += part.jobs;
    const isOne = !known || known.namespace === part.namespace;
    const { namespace, analyzer: _, ...rest } = part;
    const since = Math.min(part.since, known?.since ?? part.since);
    groups.set(key, { ...rest, ...sum, since, ...(isOne && namespace !== undefined && { namespace }) });
  }
  return [...groups.values()];
}

/** While an analyzer is down every waiting job of its own waits for it, but those that wait for something else. */
function endpointProblems(analyzer: AnalyzerState, failing: readonly FailingJobs[]): readonly Problem[] {
  const groups = failing.filter((group) => group.analyzer === analyzer.name);
  const own = groups.filter(isOfEndpoint);
  const failed = jobsOf(own, "failed");
  const isDown = analyzer.state === "down";
  if (!isDown && failed === 0) return [];
  const others = groups.filter((group) => !isOfEndpoint(group));
  const since = Math.min(analyzer.downSince ?? Number.MAX_SAFE_INTEGER, ...own.map((group) => group.since));
  const detail = analyzer.message ?? own[0]?.message;
  return [
    {
      kind: "endpoint",
      title: `${calledAnalyzer(analyzer, own[0]?.host)} ${isDown ? "takes no submissions" : "took no submissions"}`,
      ...(detail !== undefined && { detail }),
      remedy: `It is down or overloaded${analyzer.address ? `, or ${analyzer.address.setting} is wrong` : ""}. Its jobs are retried automatically.`,
      waiting: isDown ? Math.max(analyzer.waiting - jobsOf(others, "waiting"), 0) : 0,
      failed,
      ...(since < Number.MAX_SAFE_INTEGER && { since }),
      reason: "AnalyzerUnavailable",
      analyzer: analyzer.name,
    },
  ];
}

/** A service by its host, and by its name where the host alone may not tell; a program by its name. */
function calledAnalyzer({ name, address }: AnalyzerState, failedHost: string | undefined): string {
  const host = address?.host ?? failedHost;
  if (host === undefined) return `Analyzer ${name}`;
  return name === "thoth" ? `Analysis endpoint ${host}` : `Analysis endpoint ${host} (${name})`;
}

function jobsOf(groups: readonly FailingJobs[], state: FailingJobs["state"]): number {
  return groups.reduce((sum, group) => sum + (group.state === state ? group.jobs : 0), 0);
}

/** An outage of the endpoint is told as a whole; what it says of single submissions is not. */
function isOfEndpoint({ reason }: Pick<FailingJobs, "reason">): boolean {
  return reason === "AnalyzerUnavailable";
}

const registryWords: { readonly [Reason in FailureReason]?: string } = {
  RegistryUnavailable: "does not answer",
  RegistryDenied: "denies access",
  RegistryUntrusted: "has a certificate that is not trusted",
  RateLimited: "limits requests",
  LoginExpired: "says that the login has expired",
  RegistryFull: "has no room left",
  RegistryReadOnly: "takes no uploads now",
  RegistryUnlicensed: "wants a licence or a paid plan",
  PolicyViolation: "keeps images back by a policy",
  NoSuchRepository: "wants repositories to exist beforehand",
  UploadTooLarge: "limits uploads",
  UnsupportedImage: "does not take this kind of image",
  CopyFailed: "does not take copies",
};

/** What a registry does, for failures that are no single image's fault. */
function wordsOfRegistry(reason: FailureReason): string | undefined {
  return (
    registryWords[reason] ?? (/^(?:Registry|Proxy)/.test(reason) ? `fails (${reasonWords(reason).toLowerCase()})` : undefined)
  );
}

function groupProblem(group: Group, { pushRegistry, watched }: Circumstances): Problem {
  const { reason, host, waiting, failed, since, message: detail } = group;
  const isPush = host !== undefined && host === hostOf(pushRegistry);
  const words = host === undefined || (reason === "CopyFailed" && !isPush) ? undefined : wordsOfRegistry(reason);
  const common = { detail, waiting, failed, since, reason, ...(host !== undefined && { host }) };
  const remedy = remedyFor({ reason, host }, pushRegistry);
  const problem = { ...common, ...(remedy !== undefined && { remedy }) };
  if (reason === "DiskFull") return { kind: "disk", title: "The disk of the state directory is full", ...problem };
  if (words !== undefined)
    return {
      kind: isPush ? "push-registry" : "registry",
      title: `${isPush ? "Push registry" : "Registry"} ${host} ${words}`,
      ...problem,
    };
  const where = group.namespace === undefined || watched === 1 ? "" : ` in namespace ${group.namespace}`;
  return { kind: failed > 0 ? "failed-jobs" : "retried-jobs", title: `${reasonWords(reason)}${where}`, ...problem };
}

function analysisProblems(analyses: Circumstances["analyses"]): readonly Problem[] {
  if (!analyses || analyses.failed === 0) return [];
  const { ended, failed } = analyses.lastHour;
  const isAll = ended > 1 && ended === failed;
  const title = isAll
    ? `All analyses of the last hour failed: ${failed.toLocaleString("en")}`
    : `${count(analyses.failed, "analysis", "analyses")} failed, ${failed.toLocaleString("en")} of ${ended.toLocaleString("en")} in the last hour`;
  const remedy = "Their pages say what the service answered. Retry submits them again, Dismiss takes them off this list.";
  return [{ kind: "analyses", title, remedy, waiting: 0, failed: 0 }];
}

/** The host of `host[:port][/path]`. */
function hostOf(registry: string | undefined): string | undefined {
  return registry?.split("/")[0];
}

/** A failure's reason in words: `ImageNotFound` is "Image not found". */
export function reasonWords(reason: string): string {
  const words = reason.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function count(amount: number, noun: string, plural = `${noun}s`): string {
  return `${amount.toLocaleString("en")} ${amount === 1 ? noun : plural}`;
}
