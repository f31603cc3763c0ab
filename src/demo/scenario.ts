import type { Digest } from "../core/images/image-reference.ts";
import type { AnalysisApi } from "./analysis-api.ts";
import { type DemoImage, demoImage } from "./images.ts";
import type { OpenShiftApi } from "./openshift-api.ts";
import type { DemoRegistry } from "./registry.ts";
import { aRun, podOf, type RunScene, runScenes } from "./run-scenes.ts";

export const demoNamespace = "golang-builder";

const internalRegistry = "image-registry.openshift-image-registry.svc:5000";

interface ObjectReference {
  readonly kind: "DockerImage" | "ImageStreamTag";
  readonly name: string;
}

/** One build's life, from New to its end. */
interface Scene {
  readonly name: string;
  readonly story: string;
  readonly ending: "Complete" | "Failed" | "Cancelled";
  readonly reason?: string;
  readonly output: ObjectReference;
  readonly from?: ObjectReference;
  readonly strategy: "Docker" | "Source";
  readonly git?: string;
  readonly trigger: string;
  readonly log: readonly string[];
  /** What the analysis service does with its image, if it does not simply take it. */
  readonly service?: "is down at first" | "refuses it";
}

/** The chain of a Source-to-Image build in OKD: a builder image, the application built with it, and the small image it is shipped in. */
const scenes: readonly Scene[] = [
  {
    name: "golang-builder-1",
    story: "a builder image, made from golang:1.12",
    ending: "Complete",
    strategy: "Docker",
    output: streamTag("golang-builder:1.12"),
    from: { kind: "DockerImage", name: "docker.io/library/golang:1.12" },
    trigger: "Build configuration change",
    log: ["STEP 1/3: FROM docker.io/library/golang:1.12", "STEP 2/3: COPY s2i/bin /usr/libexec/s2i", "Push successful"],
  },
  {
    name: "go-hello-world-appimage-1",
    story: "an application, built with that image",
    ending: "Complete",
    strategy: "Source",
    output: streamTag("go-hello-world-appimage:1.0"),
    from: pinned("golang-builder", "golang-builder-1"),
    git: "https://github.com/openshift-examples/go-hello-world.git",
    trigger: "Image change",
    log: ["---> Installing application source...", "go build -o /go/src/app/app", "Push successful"],
  },
  {
    name: "go-hello-world-1",
    story: "the application in a small image of its own",
    ending: "Complete",
    strategy: "Docker",
    output: streamTag("go-hello-world:1.0"),
    from: pinned("go-hello-world-appimage", "go-hello-world-appimage-1"),
    trigger: "Image change",
    log: ["STEP 1/3: FROM scratch", "STEP 2/3: COPY app /app", "Push successful"],
  },
  {
    name: "ray-example-1",
    story: "pushes to another registry; the analysis service goes down, so its job has to wait",
    service: "is down at first",
    ending: "Complete",
    strategy: "Docker",
    output: { kind: "DockerImage", name: "registry.example.com/cpe/tracker/example-ray-job:latest" },
    from: { kind: "DockerImage", name: "docker.io/rayproject/ray:2.9.0" },
    git: "https://github.com/ray-project/ray.git",
    trigger: "GitHub WebHook",
    log: [
      "STEP 1/9: FROM docker.io/rayproject/ray:2.9.0",
      "Successfully pushed registry.example.com/cpe/tracker/example-ray-job",
    ],
  },
  {
    name: "go-hello-arm-1",
    story: "the analysis service refuses this image, so its job fails and stays on the page",
    service: "refuses it",
    ending: "Complete",
    strategy: "Docker",
    output: streamTag("go-hello-arm:1.0"),
    trigger: "Manually triggered",
    log: ["STEP 1/2: FROM scratch", "STEP 2/2: COPY app-arm64 /app", "Push successful"],
  },
  {
    name: "go-hello-world-2",
    story: "this build fails, so there is no image to submit",
    ending: "Failed",
    reason: "AssembleFailed",
    strategy: "Docker",
    output: streamTag("go-hello-world:1.0"),
    trigger: "Manually triggered",
    log: ["error: build error: exit status 1"],
  },
  {
    name: "go-hello-world-3",
    story: "this build is cancelled",
    ending: "Cancelled",
    strategy: "Docker",
    output: streamTag("go-hello-world:1.0"),
    trigger: "Manually triggered",
    log: [],
  },
];

/** Builds that ended, by how. */
export interface Totals {
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Images of those that succeeded, which the analysis service refuses. */
  readonly refused: number;
}

export const noBuilds: Totals = { succeeded: 0, failed: 0, cancelled: 0, refused: 0 };

function withScene({ succeeded, failed, cancelled, refused }: Totals, { ending, service }: Scene): Totals {
  return {
    succeeded: succeeded + (ending === "Complete" ? 1 : 0),
    failed: failed + (ending === "Failed" ? 1 : 0),
    cancelled: cancelled + (ending === "Cancelled" ? 1 : 0),
    refused: refused + (service === "refuses it" ? 1 : 0),
  };
}

/** The images that a round of the story pushes, as a registry on this host has them. */
export function builtImages(host: string): readonly string[] {
  const pushed = scenes.filter(({ ending, output }) => ending === "Complete" && output.kind === "ImageStreamTag");
  const named = (image: string, digest: Digest) => `${host}/${demoNamespace}/${image.split(":")[0]}@${digest}`;
  return [
    ...pushed.map(({ name, output }) => named(output.name, digestMadeBy(name))),
    ...runScenes.map(({ name, image, madeOn }) => named(image, imageOfRun(name, madeOn).digest)),
  ];
}

/** A part of the name of every image that the analysis service is to refuse. */
export const refusedImage = "go-hello-arm";

/** The cluster before the bot starts: one image, and a tag whose import failed. */
export async function furnishCluster(cluster: OpenShiftApi, registry?: DemoRegistry): Promise<void> {
  await registry?.push(`${demoNamespace}/legacy-app`, "stable", demoImage("legacy-app-7"));
  cluster.put("imagestreams", imageStream("legacy-app", "stable", digestMadeBy("legacy-app-7")));
  cluster.put("imagestreams", {
    metadata: { name: "legacy-tools", namespace: demoNamespace },
    spec: { tags: [{ name: "broken", from: { kind: "DockerImage", name: "quay.io/nowhere/missing:1" } }] },
    status: {
      dockerImageRepository: `${internalRegistry}/${demoNamespace}/legacy-tools`,
      tags: [
        {
          tag: "broken",
          items: null,
          conditions: [{ type: "ImportSuccess", status: "False", reason: "NotFound", message: "not found" }],
        },
      ],
    },
  });
}

export interface Stage {
  readonly cluster: OpenShiftApi;
  /** Present when images are really pushed. */
  readonly registry?: DemoRegistry | undefined;
  /** The analysis service, where it plays a part. */
  readonly analysis?: Pick<AnalysisApi, "down" | "up"> | undefined;
  /** Says what happens next. */
  readonly tell: (line: string) => void;
  /** Resolves after a while, so that an eye can follow. */
  readonly pause: () => Promise<void>;
  /** Ends the story at the next build. */
  readonly signal?: AbortSignal;
}

/** Plays the story once, and adds up how its builds ended; in its middle the API server drops every watch, as such servers do. */
export async function playScenario(stage: Stage, round = 0, before = noBuilds): Promise<Totals> {
  const { cluster, tell, signal } = stage;
  let totals = before;
  for (const [index, scene] of scenes.entries()) {
    if (signal?.aborted) break;
    if (index === 4) totals = await playRuns(stage, round, totals);
    if (index === 3) {
      tell("The API server drops the connection. The bot must go on where it was.");
      cluster.closeWatches("reset");
    }
    const name = nameIn(round, scene.name);
    tell(`Build ${name}: ${scene.story}.`);
    await playScene(stage, scene, name);
    totals = withScene(totals, scene);
  }
  return totals;
}

/** Names are counted up from round to round. */
function nameIn(round: number, name: string): string {
  return name.replace(/-(\d+)$/, (_, number) => `-${Number(number) + round * 10}`);
}

async function playRuns(stage: Stage, round: number, before: Totals): Promise<Totals> {
  let { succeeded } = before;
  for (const run of runScenes) {
    if (stage.signal?.aborted) break;
    const name = nameIn(round, run.name);
    stage.tell(`Run ${name}: ${run.story}.`);
    await playRun(stage, run, name, nameIn(round, run.madeOn));
    succeeded += 1;
  }
  return { ...before, succeeded };
}

async function playRun({ cluster, registry, pause }: Stage, scene: RunScene, name: string, madeOn: string): Promise<void> {
  const made = imageOfRun(name, madeOn);
  const image = `${internalRegistry}/${demoNamespace}/${scene.image}`;
  const run = { scene, namespace: demoNamespace, name, image, digest: made.digest };
  cluster.put(scene.resource, aRun({ ...run, ended: false }));
  cluster.put("pods", podOf(scene, demoNamespace, name));
  cluster.setPodLog(demoNamespace, `${name}-pod`, "step-build", `${scene.log.join("\n")}\n`);
  await pause();
  const [repository = "", tag = "latest"] = scene.image.split(":");
  await registry?.push(`${demoNamespace}/${repository}`, tag, made);
  cluster.put(scene.resource, aRun({ ...run, ended: true }));
  await pause();
}

async function playScene({ cluster, registry, analysis, tell, pause }: Stage, scene: Scene, name: string): Promise<void> {
  const isDown = scene.service === "is down at first";
  for (const phase of ["New", "Pending", "Running"]) cluster.put("builds", aBuild(scene, name, phase));
  cluster.setBuildLog(demoNamespace, name, scene.log.join("\n"));
  await pause();
  const { kind, name: target } = scene.output;
  const [stream = "", tag = "latest"] = target.split(":");
  if (kind === "ImageStreamTag" && scene.ending === "Complete") {
    await registry?.push(`${demoNamespace}/${stream}`, tag, demoImage(name));
    cluster.put("imagestreams", imageStream(stream, tag, digestMadeBy(name)));
  }
  if (isDown) analysis?.down();
  cluster.put("builds", aBuild(scene, name, scene.ending));
  await pause();
  if (!isDown || !analysis) return;
  await pause();
  tell("The analysis service is back. The job is retried.");
  analysis.up();
  await pause();
}

function aBuild(scene: Scene, name: string, phase: string): object {
  const config = scene.name.replace(/-\d+$/, "");
  const strategy = {
    type: scene.strategy,
    [scene.strategy === "Docker" ? "dockerStrategy" : "sourceStrategy"]: { from: scene.from },
  };
  const ended = phase === scene.ending;
  return {
    metadata: { name, namespace: demoNamespace, labels: { app: config, "openshift.io/build-config.name": config } },
    spec: {
      source: { git: scene.git ? { uri: scene.git } : undefined },
      strategy,
      output: { to: scene.output },
      triggeredBy: [{ message: scene.trigger }],
    },
    status: {
      phase,
      reason: ended ? scene.reason : undefined,
      config: { kind: "BuildConfig", namespace: demoNamespace, name: config },
      outputDockerImageReference: outputReference(scene.output),
      completionTimestamp: ended ? new Date().toISOString() : undefined,
      output: ended && phase === "Complete" ? { to: { imageDigest: digestMadeBy(name) } } : {},
    },
  };
}

function imageStream(name: string, tag: string, digest: Digest): object {
  const repository = `${internalRegistry}/${demoNamespace}/${name}`;
  const item = {
    created: new Date().toISOString(),
    dockerImageReference: `${repository}@${digest}`,
    image: digest,
    generation: 1,
  };
  return {
    metadata: { name, namespace: demoNamespace },
    spec: { lookupPolicy: { local: false } },
    status: { dockerImageRepository: repository, tags: [{ tag, items: [item] }] },
  };
}

function outputReference({ kind, name }: ObjectReference): string {
  return kind === "DockerImage" ? name : `${internalRegistry}/${demoNamespace}/${name}`;
}

function streamTag(name: string): ObjectReference {
  return { kind: "ImageStreamTag", name };
}

function pinned(stream: string, build: string): ObjectReference {
  return { kind: "DockerImage", name: `${internalRegistry}/${demoNamespace}/${stream}@${digestMadeBy(build)}` };
}

/** It names the builder image as its base. */
function imageOfRun(name: string, madeOn: string): DemoImage {
  return demoImage(name, { name: `${internalRegistry}/${demoNamespace}/golang-builder:1.12`, digest: digestMadeBy(madeOn) });
}

function digestMadeBy(build: string): Digest {
  return demoImage(build).digest;
}
