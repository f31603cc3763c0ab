import type { Api } from "../../cluster/api/api.ts";
import { ApiError } from "../../cluster/api/api-error.ts";
import { objectPath, type Resource, resourceName } from "../../cluster/api/paths.ts";
import { isRefused, type Patience, retrying } from "../../cluster/api/retrying.ts";
import { judge } from "../../cluster/api/trouble.ts";
import type { BuildOutcome } from "../../core/builds/build-outcome.ts";
import { createGate } from "../../core/gate.ts";
import { isSkipped, type Metadata } from "./fields.ts";

/** Leaves out builds of an owner with the skip annotation, where a build does not get its owner's annotations. */
export interface SkippedOwners {
  /** The builds, with those to leave alone as such. Rejects only when the signal fires. */
  leaveOut(builds: readonly BuildOutcome[], signal: AbortSignal): Promise<Looked>;
}

export interface Looked {
  readonly builds: readonly BuildOutcome[];
  /** Why some owners could not be looked at; each reason once. */
  readonly notes: readonly string[];
}

export interface SkippedOwnersSettings {
  readonly api: Pick<Api, "getJson">;
  readonly patience: Patience;
  readonly owners: Resource;
}

/** Milliseconds for which an answer counts, and that the bot has no right to ask. */
const answerCounts = 60_000;
const refusalCounts = 10 * 60_000;

/** How many questions are asked at once. */
const questions = 8;

/** The oldest answer is dropped for a new one. */
const mostAnswers = 10_000;

export function createSkippedOwners({ api, patience, owners }: SkippedOwnersSettings): SkippedOwners {
  const answers = new Map<string, { readonly until: number; readonly isSkipped: Promise<boolean> }>();
  const refused = new Map<string, number>();
  const told = new Set<string>();
  const gate = createGate(questions);

  /** A later change of the annotation is seen within a minute. */
  function look(owner: string, notes: string[], signal: AbortSignal): Promise<boolean> {
    const now = patience.clock.now();
    const known = answers.get(owner);
    if (known && known.until > now) return known.isSkipped;
    const asked = ask(owner, notes, signal);
    answers.delete(owner);
    answers.set(owner, { until: now + answerCounts, isSkipped: asked });
    const [oldest = ""] = answers.keys();
    if (answers.size > mostAnswers) answers.delete(oldest);
    return asked;
  }

  async function ask(owner: string, notes: string[], signal: AbortSignal): Promise<boolean> {
    const [namespace = "", name = ""] = owner.split("/");
    const leave = await gate.enter(signal);
    try {
      if ((refused.get(namespace) ?? 0) > patience.clock.now()) return false;
      const read = () => api.getJson(objectPath(owners, namespace, name), {}, signal);
      const { metadata } = (await retrying(patience, signal, read)) as { readonly metadata?: Metadata };
      return isSkipped(metadata);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ApiError && error.fault === "NotFound") return false;
      if (isRefused(error, "Forbidden")) refused.set(namespace, patience.clock.now() + refusalCounts);
      const { reason, message } = judge(error, { verb: "get", resource: resourceName(owners), namespace });
      if (!told.has(reason)) notes.push(message);
      told.add(reason);
      return false;
    } finally {
      leave();
    }
  }

  return {
    async leaveOut(builds, signal) {
      const notes: string[] = [];
      const looked = builds.map(async (outcome): Promise<BuildOutcome> => {
        if (outcome.kind === "ignored" || outcome.buildConfig === undefined) return outcome;
        const { phase, build, buildConfig } = outcome;
        if (!(await look(buildConfig, notes, signal))) return outcome;
        return { kind: "ignored", phase, build, because: "excluded" };
      });
      return { builds: await Promise.all(looked), notes };
    },
  };
}
