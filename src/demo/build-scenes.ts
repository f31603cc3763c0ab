import type { Digest } from "../core/images/image-reference.ts";
import { demoImage } from "./images.ts";

export const demoNamespace = "golang-builder";

export const internalRegistry = "image-registry.openshift-image-registry.svc:5000";

interface ObjectReference {
  readonly kind: "DockerImage" | "ImageStreamTag";
  readonly name: string;
}

/** One build's life, from New to its end. */
export interface Scene {
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
export const scenes: readonly Scene[] = [
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
    story: "pushes to another registry; the analysis service goes down, so this job has to wait",
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

/** A Build as its controller leaves it in this phase. */
export function aBuild(scene: Scene, name: string, phase: string): object {
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

/** An image stream with one tag. */
export function imageStream(name: string, tag: string, digest: Digest): object {
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

/** The digest of the image that this build makes. */
export function digestMadeBy(build: string): Digest {
  return demoImage(build).digest;
}
