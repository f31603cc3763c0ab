import type { ClusterProbe } from "../../cluster/probe.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { type Finding, failed, passed, skipped, warned } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** The build systems that are known, and the names of those the settings choose: none means whatever the cluster has. */
export interface SourceChoice {
  readonly known: readonly BuildSource[];
  readonly chosen: readonly string[];
  readonly set: SetCommand;
}

/** Those the cluster serves, or may serve, and what there is to say about each. */
export interface ServedSources {
  readonly served: readonly BuildSource[];
  readonly findings: readonly Finding[];
}

interface Answer {
  readonly name: BuildSource["name"];
  readonly sources: readonly BuildSource[];
  /** Those the cluster does not serve; or why it could not be asked. */
  readonly missing: readonly BuildSource[] | Error;
}

/** Asks which build systems the cluster has. One that is missing is a failure only where there is no other to watch. */
export async function findSources(
  probe: ClusterProbe,
  { known, chosen, set }: SourceChoice,
  signal: AbortSignal,
): Promise<ServedSources> {
  const wanted = known.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const groups = [...Map.groupBy(wanted, ({ name }) => name)];
  const answers = await Promise.all(groups.map(([name, sources]) => ask(probe, name, sources, signal)));
  const served = answers.flatMap(({ sources, missing }) =>
    missing instanceof Error ? sources : sources.filter((source) => !missing.includes(source)),
  );
  const mend = chosen.length === 0 ? undefined : set("BUILD_WATCHER_SOURCES");
  const findings = answers.map((answer) =>
    findingOf(answer, { isNeeded: chosen.length > 0, isAlone: served.length === 0, mend }),
  );
  return { served, findings };
}

async function ask(
  probe: ClusterProbe,
  name: Answer["name"],
  sources: readonly BuildSource[],
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const answers = await Promise.all(sources.map(({ resource }) => probe.serves(resource, signal)));
    return { name, sources, missing: sources.filter((_, index) => !answers[index]) };
  } catch (error) {
    return { name, sources, missing: error instanceof Error ? error : new Error(String(error)) };
  }
}

interface Weight {
  readonly isNeeded: boolean;
  readonly isAlone: boolean;
  readonly mend: string | undefined;
}

/** `oc` shows which capabilities of OpenShift are switched off. */
export const capabilities = "oc get clusterversion version -o jsonpath='{.status.capabilities}'";

function findingOf({ name, sources, missing }: Answer, { isNeeded, isAlone, mend }: Weight): Finding {
  const check = `API ${name}`;
  if (missing instanceof Error) return failed(check, missing, capabilities);
  if (missing.length === 0) return passed(check, `The cluster serves ${named(sources)}.`);
  const absent = `The cluster does not serve ${named(missing)}`;
  if (name === "builds" && isAlone)
    return failed(check, `${absent}: it is not OpenShift, or this capability is switched off.`, capabilities);
  if (isNeeded && isAlone) return failed(check, `${absent}, so that there is nothing to watch.`, mend);
  if (isNeeded) return warned(check, `${absent}, which BUILD_WATCHER_SOURCES names.`, mend);
  return skipped(check, `${absent}. The bot looks again every ten minutes.`);
}

function named(sources: readonly BuildSource[]): string {
  return sources
    .map(({ resource: { group, version, plural } }) => `${plural}.${version === "v1" ? "" : `${version}.`}${group}`)
    .join(" and ");
}
