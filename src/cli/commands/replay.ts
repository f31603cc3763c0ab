import { openCluster, type SourceObject } from "../../app/opening/open-cluster.ts";
import { clusterSettings, submissionPolicy, taskSettings } from "../../app/settings.ts";
import { resourceName } from "../../cluster/api/paths.ts";
import { oneOf } from "../../config/formats.ts";
import { type BuildOutcome, eachImage } from "../../core/builds/build-outcome.ts";
import { planJobs } from "../../core/jobs/job.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { buildSources, knownSources } from "../../sources/index.ts";
import { settleAll } from "../../sources/objects/ownership.ts";
import { type CommandContext, UsageError } from "../command.ts";
import { runJobs } from "../run-jobs.ts";

/**
 * Treats the builds of a file as the watch would (an object or a List, as `oc get -o json` prints it), however long ago they ended: 0 when all
 * were accepted.
 */
export async function replay(context: CommandContext, file: string): Promise<number> {
  const { config, log, screen } = context;
  const policy = submissionPolicy(config);
  const objects = findBuilds(await readText(context, file), file, buildSources({ ignoreResults: config.tektonIgnoreResults }));
  const outcomes = await readAsWatched(context, objects);
  const settled = settleAll(outcomes, taskSettings(config)).flatMap(eachImage);
  const plans = settled.map((outcome) => ({ outcome, plan: planJobs(outcome, policy) }));
  for (const { outcome, plan } of plans) {
    if (plan.kind === "skip") log.info({ subject: nameIn(outcome), because: plan.because }, "Build left alone");
  }
  const again = config.force ? "always" : "failed";
  const wanted = plans.flatMap(({ plan }) => (plan.kind === "submit" ? plan.jobs.map((job) => ({ job, again }) as const) : []));
  if (wanted.length > 0) return runJobs(context, wanted);
  screen.write("Jobs: 0 done, 0 failed. No build of the file has an image to submit.\n");
  return 0;
}

function nameIn({ build }: BuildOutcome): string {
  return build ? `${build.namespace}/${build.name}` : "an object without namespace, name or uid";
}

async function readAsWatched(
  { config, environment, log, signal }: CommandContext,
  objects: readonly SourceObject[],
): Promise<readonly BuildOutcome[]> {
  const cluster = await openCluster({ ...clusterSettings(config), environment });
  try {
    const { builds, notes } = await cluster.readBuilds(objects, signal);
    for (const note of notes) log.warn(note);
    return builds;
  } finally {
    await cluster.close();
  }
}

async function readText({ readInput }: CommandContext, file: string): Promise<string> {
  try {
    return await readInput(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function findBuilds(text: string, file: string, sources: readonly BuildSource[]): readonly SourceObject[] {
  const value = parseJson(text, file);
  const items: unknown = typeof value === "object" && value !== null && "items" in value ? value.items : [value];
  const given: readonly unknown[] = Array.isArray(items) ? items : [undefined];
  const found = given.flatMap((object) => {
    const source = sourceOf(object, value, sources);
    return source ? [{ source, object }] : [];
  });
  if (found.length === given.length) return found;
  throw new UsageError(
    `${nameOf(file)} holds no Build or run: give what \`oc get build <name> -o json\` prints (or ${oneOf(others)}), or a List of them.`,
  );
}

/** Items of a typed list carry no kind of their own: `BuildList`. Several groups have a kind `Build`. */
function sourceOf(item: unknown, list: unknown, sources: readonly BuildSource[]): BuildSource | undefined {
  if (typeof item !== "object" || item === null || !("metadata" in item)) return undefined;
  const { kind = "Build", apiVersion } = typed(item) ?? typed(list, /(?<=.)List$/) ?? {};
  const group = apiVersion?.slice(0, apiVersion.indexOf("/"));
  return sources.find(
    ({ kind: own, objectKind = own, resource }) => objectKind === kind && resource.group === (group ?? resource.group),
  );
}

/** What an object says it is; undefined if it does not say it. */
function typed(value: unknown, ending = /$/): { readonly kind: string; readonly apiVersion?: string } | undefined {
  const { kind, apiVersion } = (value ?? {}) as { readonly kind?: unknown; readonly apiVersion?: unknown };
  if (typeof kind !== "string" || !ending.test(kind)) return undefined;
  return { kind: kind.replace(ending, ""), ...(typeof apiVersion === "string" && { apiVersion }) };
}

const others = knownSources.slice(1).map(({ resource }) => resourceName(resource).replace(/s(?=\.|$)/, ""));

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${nameOf(file)} is no JSON: give what \`oc get build <name> -o json\` prints.`);
  }
}

function nameOf(file: string): string {
  return file === "-" ? "Standard input" : file;
}
