import { existsSync } from "node:fs";
import { join } from "node:path";
import { submissionPolicy } from "../../app/settings.ts";
import type { ClusterProbe } from "../../cluster/probe.ts";
import type { Config } from "../../config/options.ts";
import { eachImage } from "../../core/builds/build-outcome.ts";
import { parseSince } from "../../core/builds/since.ts";
import { planJobs } from "../../core/jobs/job.ts";
import { grouped } from "../../core/numbers.ts";
import { matchesWildcard } from "../../core/outside-text.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { classified } from "../../sources/objects/classified.ts";
import { type Finding, passed, skipped, warned } from "./finding.ts";

/** The most builds that are counted, and the most milliseconds for that. More is not needed to know that there are many. */
export interface CountLimits {
  readonly builds: number;
  readonly time: number;
}

const usualLimits: CountLimits = { builds: 5_000, time: 15_000 };
/** Namespaces listed at once. */
const listsAtOnce = 8;
/** More than this is probably not expected. */
const many = 100;

const check = "first start";

/** How many ended builds a bot with an empty ledger would take in. Builds that cannot be listed are not counted: the rights say so. */
export async function checkFirstStart(
  probe: ClusterProbe,
  sources: readonly BuildSource[],
  config: Config,
  signal: AbortSignal,
  limits: CountLimits = usualLimits,
): Promise<Finding> {
  const { since, stateDirectory, databaseUrl, namespaceSelector } = config;
  if (databaseUrl === undefined && existsSync(join(stateDirectory, "ledger.db")))
    return skipped(check, "Not counted: there is a ledger already, so only builds that it does not know are taken in.");
  if (namespaceSelector !== undefined)
    return skipped(check, "Not counted: BUILD_WATCHER_NAMESPACE_SELECTOR chooses the namespaces.");
  if (since === "now") return passed(check, "Builds that have ended already are left alone (BUILD_WATCHER_SINCE=now).");
  const { images, isCut, isKnown } = await count(
    probe,
    sources,
    config,
    AbortSignal.any([signal, AbortSignal.timeout(limits.time)]),
    limits,
  );
  if (!isKnown) return skipped(check, "Not counted: no builds could be listed.");
  const amount = `${isCut ? "at least " : ""}${grouped(images)} ${images === 1 ? "image" : "images"}`;
  const which = since === undefined ? "builds that have ended already" : `builds that ended within BUILD_WATCHER_SINCE=${since}`;
  const detail = `A bot with an empty ledger also takes in ${amount} of ${which}.`;
  const advice = since === undefined ? " BUILD_WATCHER_SINCE=now leaves them alone." : "";
  return images > many ? warned(check, detail + advice) : passed(check, detail + (images > 0 ? advice : ""));
}

interface Count {
  readonly images: number;
  /** Whether there are more builds than were counted. */
  readonly isCut: boolean;
  /** Whether any could be listed. */
  readonly isKnown: boolean;
}

async function count(
  probe: ClusterProbe,
  sources: readonly BuildSource[],
  config: Config,
  signal: AbortSignal,
  limits: CountLimits,
): Promise<Count> {
  const since = config.since === undefined ? undefined : parseSince(config.since, Date.now());
  const policy = { ...submissionPolicy(config), ...(since !== undefined && { since }) };
  const places = probe.namespaces.flatMap((namespace) => sources.map((source) => ({ source, namespace })));
  const seen = { builds: 0, images: 0, lists: 0, isCut: false };

  async function countIn({ source, namespace }: (typeof places)[number]): Promise<void> {
    for await (const outcome of probe.list(source.resource, namespace, (object) => classified(source, object), signal)) {
      if (seen.builds >= limits.builds) {
        seen.isCut = true;
        return;
      }
      seen.builds += 1;
      if (namespace === undefined && isExcluded(config, outcome.build?.namespace)) continue;
      seen.images += eachImage(outcome).filter((one) => planJobs(one, policy).kind === "submit").length;
    }
    seen.lists += 1;
  }

  async function countSome(): Promise<void> {
    for (let place = places.shift(); place !== undefined && !seen.isCut; place = places.shift())
      await countIn(place).catch(() => {
        seen.isCut ||= signal.aborted;
      });
  }

  await Promise.all(Array.from({ length: listsAtOnce }, countSome));
  return { images: seen.images, isCut: seen.isCut, isKnown: seen.lists > 0 || seen.images > 0 };
}

function isExcluded({ namespaceExclude }: Config, namespace = ""): boolean {
  return namespaceExclude.some((pattern) => matchesWildcard(pattern, namespace));
}
