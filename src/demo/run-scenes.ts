import type { Digest } from "../core/images/image-reference.ts";

/** What a run of another build system than OpenShift's makes, in the objects and words of that system. */
export interface RunScene {
  /** With the number that a round of the story adds to. */
  readonly name: string;
  readonly resource: "buildruns" | "pipelineruns";
  readonly story: string;
  /** The image, without registry and namespace. */
  readonly image: string;
  /** The build whose image it is made on, as its own labels say. */
  readonly madeOn: string;
  readonly log: readonly string[];
}

/** The same builder image serves builds of every build system. */
export const runScenes: readonly RunScene[] = [
  {
    name: "go-hello-shipwright-1",
    resource: "buildruns",
    story: "a BuildRun of Shipwright, made on the builder image",
    image: "go-hello-shipwright:1.0",
    madeOn: "golang-builder-1",
    log: ["STEP 1/2: FROM golang-builder:1.12", "STEP 2/2: COPY . /go/src/app", "Image pushed"],
  },
  {
    name: "go-hello-tekton-1",
    resource: "pipelineruns",
    story: "a PipelineRun of Tekton, made on the builder image",
    image: "go-hello-tekton:1.0",
    madeOn: "golang-builder-1",
    log: ["STEP 1/2: FROM golang-builder:1.12", "STEP 2/2: COPY . /go/src/app", "Writing manifest to image destination"],
  },
];

interface RunState {
  readonly scene: RunScene;
  readonly namespace: string;
  readonly name: string;
  /** `registry/namespace/image:tag`. */
  readonly image: string;
  readonly digest: Digest;
  readonly ended: boolean;
}

const origin = "https://github.com/openshift-examples/go-hello-world.git";
const commit = "9e107d9d372bb6826bd81d3542a419d6e4b2c1a0";

/** A run as its controller leaves it, running or ended. */
export function aRun(state: RunState): object {
  const { scene, namespace, name, ended } = state;
  const owner = scene.name.replace(/-\d+$/, "");
  const now = new Date().toISOString();
  const condition = ended
    ? { type: "Succeeded", status: "True", reason: "Succeeded", message: "Tasks Completed: 1 (Failed: 0, Cancelled 0)" }
    : { type: "Succeeded", status: "Unknown", reason: "Running", message: "Not all Tasks have completed" };
  const status = {
    conditions: [{ ...condition, lastTransitionTime: now }],
    startTime: now,
    ...(ended && { completionTime: now }),
  };
  const label = scene.resource === "buildruns" ? "build.shipwright.io/name" : "tekton.dev/pipeline";
  const metadata = { name, namespace, labels: { app: owner, [label]: owner } };
  return scene.resource === "buildruns"
    ? { metadata, spec: { build: { name: owner } }, status: { ...status, ...buildRunStatus(state) } }
    : { metadata, spec: { pipelineRef: { name: owner } }, status: { ...status, ...pipelineRunStatus(state) } };
}

function buildRunStatus({ image, digest, ended }: RunState): object {
  const buildSpec = { source: { type: "Git", git: { url: origin, revision: "main" } }, output: { image } };
  return { buildSpec, ...(ended && { source: { git: { commitSha: commit } }, output: { digest } }) };
}

function pipelineRunStatus({ image, digest, ended }: RunState): object {
  const results = { IMAGE_URL: `${image}\n`, IMAGE_DIGEST: digest, "CHAINS-GIT_URL": origin, "CHAINS-GIT_COMMIT": commit };
  return ended ? { results: Object.entries(results).map(([name, value]) => ({ name, value })) } : {};
}

/** The pod that a run works in, with its one step. */
export function podOf({ resource }: RunScene, namespace: string, name: string): object {
  const label = resource === "buildruns" ? "buildrun.shipwright.io/name" : "tekton.dev/pipelineRun";
  return {
    metadata: { name: `${name}-pod`, namespace, labels: { [label]: name, "tekton.dev/pipelineTask": "build" } },
    spec: { containers: [{ name: "step-build" }] },
    status: { phase: "Succeeded", startTime: new Date().toISOString() },
  };
}
