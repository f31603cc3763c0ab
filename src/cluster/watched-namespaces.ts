import { matchesWildcard } from "../core/outside-text.ts";
import type { Api } from "./api/api.ts";
import { listPath, namespaces } from "./api/paths.ts";
import { type ClusterSettings, watchedNamespaces } from "./settings.ts";
import { listPages } from "./watching/pages.ts";

/** Which namespaces are watched. */
export interface WatchedNamespaces {
  /** Those known without asking: names, or `undefined` alone for the whole cluster. */
  readonly named: readonly (string | undefined)[];
  /** Whether they may change. */
  readonly change: boolean;
  /** Those there are now. Throws `ApiError`. */
  list(signal: AbortSignal): Promise<readonly (string | undefined)[]>;
  /** Whether a namespace is left out. One that is named never is. */
  isExcluded(namespace: string): boolean;
}

const pageSize = 500;

export function openNamespaces(
  api: Api,
  settings: Pick<ClusterSettings, "namespaces" | "namespaceSelector" | "namespaceExclude">,
  own: string | undefined,
): WatchedNamespaces {
  const { namespaceSelector: labelSelector, namespaceExclude = [] } = settings;
  const isExcluded = (namespace: string) => namespaceExclude.some((pattern) => matchesWildcard(pattern, namespace));
  const all = watchedNamespaces(settings.namespaces, own);
  const isWhole = all.includes(undefined);
  if (labelSelector === undefined)
    return { named: all, change: false, list: async () => all, isExcluded: (name) => isWhole && isExcluded(name) };
  const listing = { api, path: listPath(namespaces, undefined), query: { labelSelector }, pageSize, silence: api.patience };
  return {
    named: [],
    change: true,
    isExcluded,
    async list(signal) {
      const found: string[] = [];
      for await (const { items } of listPages({ ...listing, read: nameOf }, signal)) found.push(...items);
      return found.filter((name) => name !== "" && !isExcluded(name)).toSorted();
    },
  };
}

function nameOf(object: unknown): string {
  const { metadata, status } = object as {
    metadata?: { name?: unknown } | null;
    status?: { phase?: unknown } | null;
  };
  return typeof metadata?.name === "string" && status?.phase !== "Terminating" ? metadata.name : "";
}
