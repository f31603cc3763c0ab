import type { BuildSource, BuildSystem, SourceSettings } from "./build-source.ts";
import { kpack } from "./kpack.ts";
import { openshift } from "./openshift-builds.ts";
import { shipwright } from "./shipwright.ts";
import { tekton } from "./tekton.ts";

/** All known build systems, OpenShift's first. If several make one image, the first of them reports it. */
export const buildSystems = [openshift, shipwright, tekton, kpack] as const satisfies readonly BuildSystem[];

/** Their names in BUILD_WATCHER_SOURCES. */
export type SystemName = (typeof buildSystems)[number]["name"];

/** All known kinds of builds, in the same order. */
export function buildSources(settings: SourceSettings): readonly BuildSource[] {
  return buildSystems.flatMap((system) => system.sources(settings));
}

/** The same for whoever only wants to know what there is, and classifies nothing. */
export const knownSources: readonly BuildSource[] = buildSources({ ignoreResults: [] });
