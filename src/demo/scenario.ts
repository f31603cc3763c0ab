import type { Digest } from "../core/images/image-reference.ts";
import type { AnalysisApi } from "./analysis-api.ts";
import { aBuild, demoNamespace, digestMadeBy, imageStream, internalRegistry, type Scene, scenes } from "./build-scenes.ts";
import { type DemoImage, demoImage } from "./images.ts";
import type { OpenShiftApi } from "./openshift-api.ts";
import type { DemoRegistry } from "./registry.ts";
import { aRun, podOf, type RunScene, runScenes } from "./run-scenes.ts";

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

/** It names the builder image as its base. */
function imageOfRun(name: string, madeOn: string): DemoImage {
  return demoImage(name, { name: `${internalRegistry}/${demoNamespace}/golang-builder:1.12`, digest: digestMadeBy(madeOn) });
}
