import type { Api } from "../cluster/api/api.ts";
import type { Patience } from "../cluster/api/retrying.ts";
import { type BuildOutcome, ofDeleted } from "../core/builds/build-outcome.ts";
import type { BuildSource } from "./build-source.ts";
import { classified } from "./objects/classified.ts";
import { createSkippedOwners, type Looked } from "./objects/skipped-owners.ts";

/** Reads the objects of one source, whether they come from a watch or from a file. */
export interface BuildReader {
  /** What an object means. Never throws, and keeps nothing of the object. */
  read(object: unknown, isDeleted?: boolean): BuildOutcome;
  /** Leaves out those whose owner has the skip annotation. Rejects only when the signal fires. */
  leaveOut(builds: readonly BuildOutcome[], signal: AbortSignal): Promise<Looked>;
}

export interface BuildReaderSettings {
  readonly api: Pick<Api, "getJson">;
  readonly patience: Patience;
  /** Whether builds of a namespace are left alone. */
  readonly isExcluded: (namespace: string) => boolean;
}

const unseen = "Until then the skip annotation there is not seen, and builds made from it are followed";

export function createBuildReader(source: BuildSource, { api, patience, isExcluded }: BuildReaderSettings): BuildReader {
  const skipped = source.owners && createSkippedOwners({ api, patience, owners: source.owners });

  return {
    read(object, isDeleted = false) {
      const outcome = classified(source, object);
      const { build, phase } = outcome;
      if (build && isExcluded(build.namespace)) return { kind: "ignored", phase, build, because: "excluded" };
      return isDeleted ? ofDeleted(outcome) : outcome;
    },
    async leaveOut(builds, signal) {
      if (!skipped) return { builds, notes: [] };
      const { builds: left, notes } = await skipped.leaveOut(builds, signal);
      return { builds: left, notes: notes.map((note) => `${note}. ${unseen}`) };
    },
  };
}
