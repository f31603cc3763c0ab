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

/**
 * What can be watched: the sources that the cluster serves and the bot has the right to list. If there is none, the first source stays, so that its
 * trouble is shown. Throws `ApiError` if the server cannot be asked.
 */
export async function discoverParts(
  api: Api,
  sources: readonly BuildSource[],
  namespaces: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<readonly SourcePart[]> {
  const served = await Promise.all(sources.map(async (source) => ((await isThere(api, source, signal)) ? [source] : [])));
  const candidates = served.flat();
  const [first = sources[0]] = candidates;
  if (candidates.length <= 1) return namespaces.flatMap((namespace) => (first ? [{ source: first, namespace }] : []));
  const gate = createGate(questions);
  const readable = await Promise.all(
    namespaces.map(async (namespace) => {
      const parts = await Promise.all(
        candidates.map(async (source) => {
          const leave = await gate.enter(signal);
          const { group, plural } = source.resource;
          return isAllowed(api, { verb: "list", group, resource: plural }, namespace, signal).finally(leave);
        }),
      );
      const chosen = candidates.filter((_, index) => parts[index]);
      return (chosen.length > 0 ? chosen : candidates.slice(0, 1)).map((source) => ({ source, namespace }));
    }),
  );
  return readable.flat();
}

/** If even this question is forbidden, nothing can be watched. */
async function isThere(api: Api, { resource }: BuildSource, signal: AbortSignal): Promise<boolean> {
  return isServed(api, resource, signal).catch((error: unknown) => {
    if (isRefused(error, "Forbidden")) return false;
    throw error;
  });
}
