import { openApp } from "../app.ts";
import type { Build } from "../core/build.ts";
import { classifyBuild } from "../core/build-outcome.ts";
import { describeJob, planJob } from "../core/job.ts";
import { type CommandContext, UsageError } from "./command.ts";

/** Treats the Builds of a file as if they were seen now (a Build or a List, as `oc get -o json` prints it): 0 when all were accepted. */
export async function replay(context: CommandContext, file: string): Promise<number> {
  const { config, log, signal } = context;
  const builds = readBuilds(await context.readInput(file), file);
  await using app = await openApp(config, context);
  await app.discover(signal);
  app.work();
  for (const build of builds) {
    const plan = planJob(classifyBuild(build), app.policy);
    if (plan.kind === "skip") log.info({ build: build.metadata?.name, because: plan.because }, "Build left alone");
    else if (!(await app.take(plan.job, { again: config.force }))) {
      log.info({ build: describeJob(plan.job) }, "Already submitted; --force submits it again");
    }
  }
  const failed = await app.settled(signal);
  await app.stop();
  return failed > 0 || signal.aborted ? 1 : 0;
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
