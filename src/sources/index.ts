import type { BuildSource } from "./build-source.ts";
import { openshiftBuilds } from "./openshift-builds.ts";
import { shipwrightBuildRuns } from "./shipwright.ts";
import { type TektonSettings, tektonRuns } from "./tekton.ts";

/** All known kinds of builds, OpenShift's first. If several make one image, the first of them reports it. */
export function buildSources(settings: TektonSettings): readonly BuildSource[] {
  return [openshiftBuilds, shipwrightBuildRuns, ...tektonRuns(settings)];
}
