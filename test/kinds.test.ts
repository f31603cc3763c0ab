import { describe, expect, it } from "vitest";
import { resourceName } from "../src/cluster/api/paths.ts";
import { planJobs } from "../src/core/jobs/job.ts";
import type { InstalledGroup, ResourceName } from "../src/demo/openshift/objects/resource-kinds.ts";
import type { BuildSource } from "../src/sources/build-source.ts";
import { knownSources } from "../src/sources/index.ts";
import { createWorld, startBot, type World } from "./support/bot.ts";
import { aRun, condition, podOf, type RunKind, type RunObject } from "./support/runs.ts";
import { imageOf } from "./support/submissions.ts";

const namespace = "shop";
const prefix = "build-watcher.thoth-station.ninja/";

/** What is to be known of a kind of run; everything else is the same for each. */
interface Kind {
  readonly kind: RunKind;
  /** What `track` names it by. */
  readonly owner: string;
  readonly image: string;
}

const kinds = (
  [
    { kind: "BuildRun", owner: "Build:checkout", image: "quay.example.com/shop/checkout@sha256:9f1c" },
    { kind: "PipelineRun", owner: "Pipeline:checkout-on-push", image: "quay.io/example-shop/checkout@sha256:5891" },
    { kind: "TaskRun", owner: "Task:shop/buildah", image: "quay.example.com/shop/cart@sha256:1a79" },
    { kind: "KpackBuild", owner: "Image:cart", image: "quay.example.com/shop/cart@sha256:c3ab" },
  ] satisfies readonly Kind[]
).map((its: Kind) => ({ ...its, source: sourceOf(its.kind) }));

function sourceOf(kind: RunKind): BuildSource {
  const source = knownSources.find((its) => its.kind === kind);
  if (!source) throw new Error(`There is no source of ${kind}`);
  return source;
}

type Tried = (typeof kinds)[number];

const resourceOf = ({ source }: Tried) => resourceName(source.resource) as ResourceName;

/** A run in the watched namespace. */
function run({ kind }: Tried, change: (object: RunObject) => void = () => {}): RunObject {
  return aRun(kind, (object) => {
    object.metadata.namespace = namespace;
    change(object);
  });
}

const runs = (object: RunObject) =>
  void Object.assign(object.status, { conditions: condition("Unknown", "Running"), completionTime: undefined });

/** The pod that a run works in, and what its step wrote. */
function putPod({ cluster }: World, kind: Tried, phase: string, log?: string): void {
  const pod = podOf(kind.kind, run(kind), phase);
  cluster.put("pods", pod);
  if (log !== undefined) cluster.setPodLog(namespace, pod.metadata.name, pod.container, log);
}

function createRunWorld({ source }: Tried): Promise<World> {
  const installed = [source.resource.group as InstalledGroup];
  return createWorld({ namespace, installed, token: "t", tokens: { t: "system:serviceaccount:bots:build-watcher" } });
}

const isDone = ({ msg }: Readonly<Record<string, unknown>>) => msg === "Job done";

describe.each(kinds)("a $kind", (kind) => {
  const { name, uid } = run(kind).metadata;
  const heading = "tekton.dev/pipelineTask" in podOf(kind.kind, run(kind)).metadata.labels ? "--- build ---\n" : "";

  it("is submitted with its log, and says so itself, by annotations and an Event of its own kind", async () => {
    await using world = await createRunWorld(kind);
    world.cluster.put(resourceOf(kind), run(kind));
    putPod(world, kind, "Succeeded", "STEP 1\n");
    const bot = world.bot(["--no-base"], { BUILD_WATCHER_ANNOTATE: "1", BUILD_WATCHER_EVENTS: "1" });
    await bot.logged(isDone);
    const annotations = () => (world.cluster.get(resourceOf(kind), namespace, name) as RunObject).metadata.annotations;
    await expect.poll(annotations).toMatchObject({ [`${prefix}state`]: "submitted" });
    await bot.stop();
    const [submission] = world.analysis.submissions;
    expect(imageOf(submission as never)).toMatch(new RegExp(`^${kind.image}`));
    expect(submission?.body).toMatchObject({ build_log: { log: expect.stringContaining(`${heading}STEP 1`) } });
    const answer = await fetch(`${world.cluster.url}/apis/events.k8s.io/v1/events`, { headers: { authorization: "Bearer t" } });
    const { items } = (await answer.json()) as { items: { regarding: object }[] };
    expect(items.map(({ regarding }) => regarding)).toEqual([
      expect.objectContaining({ kind: run(kind).kind, apiVersion: run(kind).apiVersion, name, uid }),
    ]);
  });

  it("is seen though it is deleted at once, and its log with it", async () => {
    await using world = await createRunWorld(kind);
    const bot = world.bot(["--no-base", "--sources", kind.source.name]);
    await world.cluster.waitFor(
      ({ openWatches }) => openWatches === knownSources.filter(({ name: system }) => system === kind.source.name).length,
    );
    world.cluster.put(resourceOf(kind), run(kind));
    world.cluster.remove(resourceOf(kind), namespace, name);
    await bot.logged(isDone);
    expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining(kind.image)]);
  });

  it("is followed by the name of what it was made from", () => {
    const outcome = kind.source.classify(run(kind));
    const policy = {
      analyzers: [],
      outputImage: true,
      baseImage: true,
      buildLog: true,
      failedBuilds: false,
      matchesLabels: () => true,
    };
    const planned = (track: string) =>
      planJobs(outcome, { ...policy, analyzers: [{ name: "thoth", readsLogs: true }], track: [track] });
    expect(planned(kind.owner).kind).toBe("submit");
    for (const other of ["checkout", "cart", "buildah", kind.owner.replace(":", ":bank/")])
      expect(planned(other)).toEqual({ kind: "skip", because: "not-tracked" });
  });

  it("is followed by its labels", async () => {
    await using world = await createRunWorld(kind);
    const labelled = (team: string) =>
      run(kind, ({ metadata }) => {
        Object.assign(metadata, { labels: { ...(metadata.labels as object), team } });
        if (team !== "shop") Object.assign(metadata, { name: `${name}-${team}`, uid: `${uid}-${team}` });
      });
    for (const team of ["bank", "shop"]) world.cluster.put(resourceOf(kind), labelled(team));
    const selector = `BUILD_WATCHER_${kind.source.name.toUpperCase()}_SELECTOR`;
    const bot = world.bot(["--no-base"], { [selector]: "team=shop", BUILD_WATCHER_REANALYZE_AFTER: "0" });
    expect(await bot.logged(isDone)).toMatchObject({ subject: `${namespace}/${name}` });
    await bot.stop();
    expect(world.analysis.submissions).toHaveLength(1);
  });

  it("is replayed from what `oc get -o json` prints", async () => {
    await using world = await createRunWorld(kind);
    const text = JSON.stringify({ kind: "List", items: [run(kind)] });
    const bot = startBot(["replay", "-", "--force", "--no-base"], world.environment, { input: text });
    expect(await bot.exit).toBe(0);
    expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining(kind.image)]);
  });

  it("has its log printed and streamed while it runs", async () => {
    await using world = await createRunWorld(kind);
    world.cluster.put(resourceOf(kind), run(kind, runs));
    putPod(world, kind, "Running", "one\n");
    const following = world.bot(["logs", "-f", `${kind.kind.toLowerCase()}/${name}`]);
    // A pipeline's log is that of its tasks, which are streamed themselves.
    const flags = ["--stream-logs", "--no-base"];
    const streaming =
      kind.kind !== "PipelineRun" && world.bot(flags, { BUILD_WATCHER_STATE_DIR: `${world.stateDirectory}/other` });
    const isLogged = async (text: string) => {
      const line = streaming && (await streaming.logged(({ source, msg }) => source === "build-log" && msg === text));
      if (line) expect(line).toMatchObject({ build: `${namespace}/${name}` });
    };
    await expect.poll(following.stdout).toBe(`${heading}one\n`);
    await isLogged("one");
    putPod(world, kind, "Succeeded", "one\ntwo\n");
    world.cluster.put(resourceOf(kind), run(kind));
    expect(await following.exit).toBe(0);
    expect(following.stdout()).toBe(`${heading}one\ntwo\n`);
    await isLogged("two");
  });
});
