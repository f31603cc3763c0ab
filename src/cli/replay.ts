import { submissionPolicy } from "../app/settings.ts";
import { planJobs } from "../core/job.ts";
import { type Build, classifyBuild } from "../sources/openshift-builds.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { runJobs } from "./run-jobs.ts";

/** Treats the Builds of a file as if they were seen now (a Build or a List, as `oc get -o json` prints it): 0 when all were accepted. */
export async function replay(context: CommandContext, file: string): Promise<number> {
  const { config, log } = context;
  const policy = submissionPolicy(config);
  const plans = readBuilds(await readText(context, file), file).map((build) => ({
    build,
    plan: planJobs(classifyBuild(build), policy),
  }));
  for (const { build, plan } of plans) {
    const { namespace, name } = build.metadata ?? {};
    if (plan.kind === "skip") log.info({ subject: `${namespace}/${name}`, because: plan.because }, "Build left alone");
  }
  const again = config.force ? "always" : "failed";
  const wanted = plans.flatMap(({ plan }) => (plan.kind === "submit" ? plan.jobs.map((job) => ({ job, again }) as const) : []));
  return wanted.length === 0 ? 0 : runJobs(context, wanted);
}

async function readText({ readInput }: CommandContext, file: string): Promise<string> {
  try {
    return await readInput(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function readBuilds(text: string, file: string): readonly Build[] {
  const value = parseJson(text, file);
  const items: unknown = typeof value === "object" && value !== null && "items" in value ? value.items : [value];
  if (!Array.isArray(items) || !items.every(isBuild)) {
    throw new UsageError(`${file} holds no Build: give what \`oc get build <name> -o json\` prints, or a List of Builds.`);
  }
  return items;
}

/** Items of a typed list carry no kind of their own. */
function isBuild(value: unknown): value is Build {
  if (typeof value !== "object" || value === null || !("metadata" in value)) return false;
  return !("kind" in value) || value.kind === "Build";
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is no JSON: give what \`oc get build <name> -o json\` prints.`);
  }
}
