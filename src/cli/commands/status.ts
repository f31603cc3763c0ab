import { openJobsBeside } from "../../app/opening/queues.ts";
import type { Config } from "../../config/options.ts";
import { systemClock } from "../../core/clock.ts";
import { databaseAddress } from "../../core/hosts/database-url.ts";
import { countOutcomes, countsLine } from "../../core/jobs/job-outcome.ts";
import { problemLine } from "../../core/jobs/problem-words.ts";
import { forPeople } from "../../core/outside-text.ts";
import type { StatusJson } from "../../server/status.ts";
import { agoText } from "../../server/views/words.ts";
import type { CommandContext } from "../command.ts";

/** What a ledger without a bot can say. */
type LedgerStatus = Pick<StatusJson, "jobs" | "outcomes" | "oldestWaitingAt">;

/** Milliseconds a running bot may take to answer. */
const patience = 3_000;

/** Says what the page's top says: 0 when a running bot answered, 1 when it could not or only the ledger could be asked. */
export async function status(
  context: CommandContext,
  { json, all }: { readonly json: boolean; readonly all: boolean },
): Promise<number> {
  const { config, screen, clock = systemClock } = context;
  const url = serverUrl(config);
  const told = url === undefined ? undefined : await askBot(url, context.signal);
  if (told && "error" in told) {
    screen.write(
      json ? `${JSON.stringify(told)}\n` : table([["Problems", `The bot at ${url} cannot answer just now: ${told.error}`]]),
    );
    return 1;
  }
  if (told) {
    screen.write(json ? `${JSON.stringify(told)}\n` : table([...botLines(told, clock.now(), all), ["Page", `${url}/`]]));
    return 0;
  }
  const kept = await readLedger(context);
  const where = url === undefined ? "With this configuration the bot has no server to ask" : `No bot answers at ${url}`;
  const note = `${where}; this is what ${placeOf(config)} says.\n`;
  screen.write(json ? `${JSON.stringify(kept)}\n` : note + table([["Queue", queueLine(kept, clock.now())]]));
  return 1;
}

/** Where the bot of these settings serves its API on this machine; undefined when that cannot be known. */
function serverUrl({ server, host = "127.0.0.1", port }: Config): string | undefined {
  if (!server || port === 0) return undefined;
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** Whatever else listens there is no bot. */
async function askBot(url: string, signal: AbortSignal): Promise<StatusJson | { readonly error: string } | undefined> {
  try {
    const answer = await fetch(`${url}/api/status`, { signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
    const told = (await readJson(answer)) as Partial<StatusJson & { error: string }>;
    // Its database is out of reach, and so it is for this command.
    if (answer.status === 503 && typeof told.error === "string") return { error: told.error };
    return answer.ok && told.name === "build-watcher" ? (told as StatusJson) : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes a bot's answer may have; what else listens on the port may send without end. */
const longestAnswer = 1024 * 1024;

async function readJson(answer: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let left = longestAnswer;
  for await (const chunk of answer.body ?? []) {
    left -= chunk.length;
    if (left < 0) throw new Error("too long");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function placeOf({ databaseUrl, stateDirectory }: Config): string {
  return databaseUrl === undefined ? `the ledger in ${stateDirectory}` : `the database ${databaseAddress(databaseUrl)}`;
}

async function readLedger({ config, environment }: CommandContext): Promise<LedgerStatus> {
  const queue = await openJobsBeside(config, environment);
  try {
    const oldest = await queue.oldestWaiting();
    const outcomes = countOutcomes(await queue.tally());
    return {
      jobs: await queue.counts(),
      outcomes,
      oldestWaitingAt: oldest === undefined ? undefined : new Date(oldest).toISOString(),
    };
  } finally {
    await queue.close();
  }
}

type Line = readonly [name: string, text: string];

/** So many lines of a kind are shown, and so many names; `--all` shows every one. */
const shownLines = 5;
const shownNames = 8;

function botLines(told: StatusJson, now: number, all: boolean): readonly Line[] {
  const { namespaces, ready, notReadyBecause, troubles, endpoint, lastHour, problems, replicas = [] } = told;
  const names = namespaces.map((name) => (name === "*" ? "the whole cluster" : name));
  const shown = all ? names : names.slice(0, shownNames);
  const watched = `${shown.join(", ")}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ""}`;
  const times = [
    `started ${ago(told.startedAt, now)}`,
    lastly("event", told.lastEventAt, now),
    lastly("list", told.lastListAt, now),
  ];
  const waiting = ready || troubles.length > 0 ? [] : notReadyBecause;
  return [
    ...problems.flatMap((problem, index) => problemLines(problem, index === 0, now)),
    ["Watching", `${watched}; ${times.join(", ")}`],
    ...shortened(waiting, all).map((reason): Line => ["", reason]),
    ...(isPartly(told)
      ? shortened(
          troubles.map(({ namespace, message }) => `${namespace}: ${message}`),
          all,
        )
      : []
    ).map((reason): Line => ["", reason]),
    ...buildsLines(told, now),
    ["Queue", queueLine(told, now)],
    ...(replicas.length > 1 ? replicas : []).map(
      (replica, index): Line => [index === 0 ? "Replicas" : "", replicaLine(replica, now)],
    ),
    ["Endpoint", endpointLine(endpoint, now)],
    ["Last hour", hourLine(lastHour)],
  ];
}

/** An older bot does not count analyses. */
function hourLine({ done, failed, analysesFailed = 0 }: Partial<StatusJson["lastHour"]>): string {
  const analyses = analysesFailed === 1 ? "1 analysis failed" : `${analysesFailed} analyses failed`;
  return analysesFailed > 0 ? `${done} submitted, ${failed} failed, ${analyses}` : `${done} done, ${failed} failed`;
}

/** What is wrong, how many jobs wait for it and since when, then what the other side said and what to do. */
function problemLines(
  { remedy, detail, since, ...problem }: StatusJson["problems"][number],
  isFirst: boolean,
  now: number,
): Line[] {
  const began = since === undefined ? "" : ` (began ${ago(since, now)})`;
  const further = [detail, remedy].filter((text) => text !== undefined);
  return [[isFirst ? "Problems" : "", `${problemLine(problem)}${began}`], ...further.map((text): Line => ["", `  ${text}`])];
}

/** Trouble in the whole cluster is already among the problems. */
function isPartly({ problems, troubles }: StatusJson): boolean {
  return troubles.length > 1 && problems.some(({ kind }) => kind === "namespaces");
}

function shortened(lines: readonly string[], all: boolean): readonly string[] {
  if (all || lines.length <= shownLines) return lines;
  return [...lines.slice(0, shownLines), `and ${lines.length - shownLines} more: --all shows them`];
}

/** An older bot says nothing of its builds. */
function buildsLines({ builds }: Partial<Pick<StatusJson, "builds">>, now: number): readonly Line[] {
  if (!builds || builds.running + builds.failed === 0) return [];
  const failures = builds.listed.filter(({ state }) => state === "failed").slice(0, shownLines);
  const names = failures.map(
    ({ build, reason, since }) => `${build} (${reason}, ${since === undefined ? "time unknown" : ago(since, now)})`,
  );
  const rest = builds.failed - names.length;
  const failed = `${builds.failed} failed on the cluster`;
  const listed = names.length > 0 ? `: ${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}` : "";
  return [["Builds", `${builds.running} running, ${failed}${listed}`]];
}

function queueLine({ outcomes, oldestWaitingAt }: LedgerStatus, now: number): string {
  const oldest = oldestWaitingAt === undefined ? "" : ` (the oldest came ${ago(oldestWaitingAt, now)})`;
  return countsLine(outcomes, (outcome) => (outcome === "waiting" ? oldest : ""));
}

function replicaLine(
  { name, isSelf, isAlive, startedAt, lastSignAt, running }: StatusJson["replicas"][number],
  now: number,
): string {
  const jobs = running.map(({ id, subject }) => subject ?? id).slice(0, shownLines);
  const rest = running.length - jobs.length;
  const runs = jobs.length === 0 ? "runs nothing" : `runs ${jobs.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
  const life = isAlive ? `started ${ago(startedAt, now)}` : `last sign of life ${ago(lastSignAt, now)}`;
  return `${name}${isSelf ? " (asked)" : ""}, ${life}, ${runs}`;
}

function endpointLine({ state, acceptedAt, message }: StatusJson["endpoint"], now: number): string {
  const words = { up: "answering", down: `down: ${message}`, unknown: "not asked yet" }[state];
  return acceptedAt === undefined ? words : `${words}; last submission taken ${ago(acceptedAt, now)}`;
}

function ago(time: string, now: number): string {
  return agoText(now - Date.parse(time));
}

function lastly(what: "event" | "list", time: string | undefined, now: number): string {
  return time === undefined ? `no ${what} yet` : `last ${what} ${ago(time, now)}`;
}

function table(lines: readonly Line[]): string {
  return lines.map(([name, text]) => `${name.padEnd(11)}${forPeople(text)}\n`).join("");
}
