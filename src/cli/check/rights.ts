import { type ClusterProbe, grantFor } from "../../cluster/probe.ts";
import { eventRight, imageRights, pullRight, type Right, rightName } from "../../cluster/rights.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { annotatingRight, readingRights } from "../../sources/rights.ts";
import { type Finding, failed, passed, skipped, warned } from "./finding.ts";

/** Which of the bot's rights the settings make use of. */
export type Uses = Readonly<Record<Right["use"], boolean>>;

/** Whose rights are checked, and which. */
export interface Asked {
  readonly probe: ClusterProbe;
  /** Undefined if the cluster does not say. */
  readonly user: string | undefined;
  readonly uses: Uses;
  readonly sources: readonly BuildSource[];
  /** Whether a source is left out where the bot has no right to list it. */
  readonly isOptional: (source: BuildSource) => boolean;
  readonly hasImageStreams: boolean;
}

/** Looks at every right that the sources and the settings need in a namespace, or in all. */
export async function checkRights(asked: Asked, namespace: string | undefined, signal: AbortSignal): Promise<readonly Finding[]> {
  const { sources, uses, hasImageStreams } = asked;
  const looks = await Promise.all(sources.map((source) => mayWatch(asked, source, namespace, signal)));
  const watched = sources.filter((_, index) => looks[index] === undefined);
  const rights = [
    ...watched.flatMap(readingRights),
    ...(hasImageStreams ? [...imageRights, pullRight] : []),
    ...(uses.annotations ? watched.map(annotatingRight) : []),
    ...(uses.events ? [eventRight] : []),
  ];
  const single = new Map(rights.map((right) => [`${right.verb} ${right.resource}.${right.group}`, right]));
  const findings = await Promise.all([...single.values()].map((right) => checkRight(asked, right, namespace, signal)));
  return [...findings, ...looks.filter((look) => look !== undefined)];
}

/** What is to be said of a source that is left out for want of a right; undefined where it is watched. */
async function mayWatch(
  { probe, user, isOptional }: Asked,
  source: BuildSource,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const [list] = readingRights(source);
  if (!list || !isOptional(source) || (await probe.may(list, namespace, signal).catch(() => true))) return undefined;
  const detail = `${sentence(list, namespace, user, "cannot")}, so they are not watched. If you want that, name the others in BUILD_WATCHER_SOURCES.`;
  return at(namespace, warned(`right list ${rightName(list)}`, detail, grantFor(list, namespace, user)));
}

async function checkRight(
  { probe, user: bot, uses }: Asked,
  right: Right,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `right ${right.verb} ${rightName(right)}`;
  const user = right.use === "pull" ? (probe.puller ?? bot) : bot;
  try {
    if (await probe.may(right, namespace, signal))
      return at(namespace, passed(check, `${sentence(right, namespace, user, "can")}.`));
    const refused = sentence(right, namespace, user, "cannot");
    if (right.use === "owners")
      return at(namespace, warned(check, `${refused}. ${unseenOwners}`, grantFor(right, namespace, user)));
    if (!uses[right.use]) return at(namespace, skipped(check, `${refused}, and these settings do not need it.`));
    return at(namespace, failed(check, `${refused}.${doubtOf(right, namespace)}`, grantFor(right, namespace, user)));
  } catch (error) {
    if (!uses[right.use]) return at(namespace, skipped(check, "These settings do not need it."));
    return at(namespace, failed(check, error));
  }
}

const unseenOwners = "A skip annotation there is not seen, and its builds are followed.";

function sentence(right: Right, namespace: string | undefined, user: string | undefined, can: string): string {
  const where = namespace === undefined ? "in all namespaces" : `in namespace ${namespace}`;
  return `${user ?? "The bot"} ${can} ${right.verb} ${rightName(right)} ${where}`;
}

/** Said once a namespace. */
function doubtOf(right: Right, namespace: string | undefined): string {
  if (namespace === undefined || right.verb !== "list" || rightName(right) !== "builds") return "";
  return " A namespace that does not exist is refused alike: is its name right?";
}

function at(namespace: string | undefined, found: Finding): Finding {
  return namespace === undefined ? found : { ...found, namespace };
}
