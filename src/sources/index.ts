import type { BuildSource } from "./build-source.ts";
import { openshiftBuilds } from "./openshift-builds.ts";
import { shipwrightBuildRuns } from "./shipwright.ts";
import { type TektonSettings, tektonRuns } from "./tekton.ts";

/** Every kind of build that is known, those of OpenShift first: where an image is made by several, the earlier one reports it. */
export function buildSources(settings: TektonSettings): readonly BuildSource[] {
  return [openshiftBuilds, shipwrightBuildRuns, ...tektonRuns(settings)];
}
