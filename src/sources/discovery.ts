import type { Api } from "../cluster/api/api.ts";
import { isRefused } from "../cluster/api/retrying.ts";
import { isAllowed, isServed } from "../cluster/api/reviews.ts";
import { createGate } from "../core/gate.ts";
import type { BuildSource } from "./build-source.ts";

/** One source in one namespace, or in the whole cluster (undefined). */
export interface SourcePart {
  readonly source: BuildSource;
  readonly namespace: string | undefined;
}

/** How many questions are asked at the same time. */
const questions = 8;

/** Parts that the bot had the right to list at some time. */
export type ReadableParts = Set<string>;

/**
 * What can be watched: the sources that the cluster serves and the bot has the right to list. If there is none, the first source stays, so that its
 * trouble is shown, and so does one whose right was taken away (`readable`, which is kept from question to question). Throws `ApiError` if the server
 * cannot be asked.
 */
export async function discoverParts(
  api: Api,
  sources: readonly BuildSource[],
  namespaces: readonly (string | undefined)[],
  readable: ReadableParts,
  signal: AbortSignal,
): Promise<readonly SourcePart[]> {
  const served = await Promise.all(sources.map(async (source) => ((await isThere(api, source, signal)) ? [source] : [])));
  const candidates = served.flat();
  const [first = sources[0]] = candidates;
  if (candidates.length <= 1) return namespaces.flatMap((namespace) => (first ? [{ source: first, namespace }] : []));
  const gate = createGate(questions);
  const isReadable = async (source: BuildSource, namespace: string | undefined) => {
    const leave = await gate.enter(signal);
    const { group, plural } = source.resource;
    const isNow = await isAllowed(api, { verb: "list", group, resource: plural }, namespace, signal).finally(leave);
    const key = `${group} ${plural} ${namespace}`;
    if (isNow) readable.add(key);
    return readable.has(key);
  };
  const parts = await Promise.all(
    namespaces.map(async (namespace) => {
      const answers = await Promise.all(candidates.map((source) => isReadable(source, namespace)));
      const chosen = candidates.filter((_, index) => answers[index]);
      return (chosen.length > 0 ? chosen : candidates.slice(0, 1)).map((source) => ({ source, namespace }));
    }),
  );
  return parts.flat();
}

/** If even this question is forbidden, nothing can be watched. */
async function isThere(api: Api, { resource }: BuildSource, signal: AbortSignal): Promise<boolean> {
  return isServed(api, resource, signal).catch((error: unknown) => {
    if (isRefused(error, "Forbidden")) return false;
    throw error;
  });
}
