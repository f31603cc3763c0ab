import { grouped } from "../numbers.ts";
import type { FailureReason } from "./errors.ts";
import { counted, reasonWords, wordsOfRegistry } from "./problem-words.ts";
import { remedyFor } from "./remedies.ts";

/** The kinds of problems, biggest first: the order in which they are shown. */
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
  /** Jobs that are retried until it ends. */
  readonly waiting: number;
  /** Jobs that failed because of it. */
  readonly failed: number;
  readonly since?: number;
  /** The reason that its jobs share; absent when it has no jobs. */
  readonly reason?: FailureReason;
  readonly host?: string;
  /** The analyzer that its jobs wait for. Absent if no analyzer is the cause. */
  readonly analyzer?: string;
}

/** Why a namespace, or without one the whole cluster, is not watched. */
export interface WatchProblem {
  readonly namespace: string | undefined;
  readonly reason?: "Forbidden" | "Unauthorized" | "Expired" | "Unavailable" | "BadData" | "NotServed" | undefined;
  readonly message: string;
  readonly since: number;
}

/** Jobs for one analyzer that failed for the same reason at the same host. */
export interface FailingJobs {
  /** A job that is being retried right now counts as waiting. */
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

/** An analyzer's address in the settings. */
export interface AnalyzerAddress {
  /** The name of that setting. */
  readonly setting: string;
  /** `host[:port]`; absent for a program. */
  readonly host?: string;
}

/** One analyzer and how many jobs wait for it. */
export interface AnalyzerState {
  readonly name: string;
  readonly state: "unknown" | "up" | "down";
  readonly downSince?: number | undefined;
  readonly message?: string | undefined;
  readonly address?: AnalyzerAddress | undefined;
  /** All its waiting jobs. */
  readonly waiting: number;
}

/** What problems are found from. */
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

/** Trouble in every namespace counts as the cluster's. Otherwise the namespaces are counted and the first ones named. */
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

/** Waiting and failed jobs with the same reason and host are one problem. */
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

/** While an analyzer is down, all its waiting jobs wait for it, except those that wait for something else. */
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
      title: `${calledAnalyzer(analyzer, own[0]?.host)} ${isDown ? "accepts no submissions" : "accepted no submissions"}`,
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

/** A service by its host, and also by its name if it is not Thoth; a program by its name. */
function calledAnalyzer({ name, address }: AnalyzerState, failedHost: string | undefined): string {
  const host = address?.host ?? failedHost;
  if (host === undefined) return `Analyzer ${name}`;
  return name === "thoth" ? `Analysis endpoint ${host}` : `Analysis endpoint ${host} (${name})`;
}

function jobsOf(groups: readonly FailingJobs[], state: FailingJobs["state"]): number {
  return groups.reduce((sum, group) => sum + (group.state === state ? group.jobs : 0), 0);
}

/** Whether a failure is part of an outage of the endpoint, and not about a single submission. */
function isOfEndpoint({ reason }: Pick<FailingJobs, "reason">): boolean {
  return reason === "AnalyzerUnavailable";
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
    ? `All analyses of the last hour failed: ${grouped(failed)}`
    : `${counted(analyses.failed, "analysis", "analyses")} failed, ${grouped(failed)} of ${grouped(ended)} in the last hour`;
  const remedy = "Each job's page says what the service answered. Retry submits it again, Dismiss removes it from here.";
  return [{ kind: "analyses", title, remedy, waiting: 0, failed: 0 }];
}

/** The host of `host[:port][/path]`. */
function hostOf(registry: string | undefined): string | undefined {
  return registry?.split("/")[0];
}
