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
  /** The analysis service, where it plays a part. `reached` resolves when a condition holds, or when that takes too long. */
  readonly analysis?: Pick<AnalysisApi, "down" | "up"> & {
    readonly reached: (condition: (api: AnalysisApi) => boolean) => Promise<void>;
    readonly received: () => number;
  };
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
      tell("The API server drops the connection. The bot continues where it was.");
      cluster.closeWatches("reset");
    }
    const name = nameIn(round, scene.name);
    tell(`Build ${name}: ${scene.story}.`);
    await playScene(stage, atRegistry(scene, stage.registry), name, totals);
    totals = withScene(totals, scene);
  }
  return totals;
}

/** What is pushed to another registry goes to the one that is there, by a name that is not the cluster's own. */
function atRegistry(scene: Scene, registry: DemoRegistry | undefined): Scene {
  const { kind, name } = scene.output;
  if (!registry || kind === "ImageStreamTag") return scene;
  const host = `localhost:${registry.host.split(":")[1]}`;
  return { ...scene, output: { kind, name: name.replace("registry.example.com", host) } };
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

async function playScene(stage: Stage, scene: Scene, name: string, before: Totals): Promise<void> {
  const { cluster, registry, pause } = stage;
  for (const phase of ["New", "Pending", "Running"]) cluster.put("builds", aBuild(scene, name, phase));
  cluster.setBuildLog(demoNamespace, name, scene.log.join("\n"));
  await pause();
  if (scene.ending === "Complete") {
    const { kind, name: target } = scene.output;
    const [, path = "", tag = "latest"] = /^(?:[^/]*[.:][^/]*\/)?([^:]+):(.+)$/.exec(target) ?? [];
    await registry?.push(kind === "ImageStreamTag" ? `${demoNamespace}/${path}` : path, tag, demoImage(name));
    if (kind === "ImageStreamTag") cluster.put("imagestreams", imageStream(path, tag, digestMadeBy(name)));
  }
  const end = async () => {
    cluster.put("builds", aBuild(scene, name, scene.ending));
    await pause();
  };
  await (scene.service === "is down at first" ? whileDown(stage, before, end) : end());
}

/** The analysis service goes away once it has all that came before, and comes back when it was missed. */
async function whileDown({ analysis, tell, pause }: Stage, before: Totals, act: () => Promise<void>): Promise<void> {
  await analysis?.reached(({ submissions }) => submissions.length >= submittedAfter(before));
  analysis?.down();
  const earlier = analysis?.received() ?? 0;
  const missed = analysis?.reached(({ received }) => received > earlier);
  await act();
  if (!analysis) return;
  await missed;
  await pause();
  tell("The analysis service is back. The job is retried.");
  analysis.up();
  await pause();
}

/** How many images the analysis service takes: one was there before. */
function submittedAfter({ succeeded, refused }: Totals): number {
  return 1 + succeeded - refused;
}

/** It names the builder image as its base. */
function imageOfRun(name: string, madeOn: string): DemoImage {
  return demoImage(name, { name: `${internalRegistry}/${demoNamespace}/golang-builder:1.12`, digest: digestMadeBy(madeOn) });
}
