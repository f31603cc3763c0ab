import { describe, expect, it } from "vitest";
import type { InstalledGroup } from "../src/demo/openshift/objects/resource-kinds.ts";
import { createWorld, startBot, type World } from "./support/bot.ts";
import { aRun, condition, type RunObject } from "./support/runs.ts";
import { imageOf } from "./support/submissions.ts";

const namespace = "shop";
const prefix = "build-watcher.thoth-station.ninja/";

/** What is to be known of a kind of run; everything else is the same for each. */
interface Kind {
  readonly kind: "BuildRun" | "PipelineRun" | "TaskRun";
  readonly file: "buildrun" | "pipelinerun" | "taskrun";
  readonly group: InstalledGroup;
  /** What `track` names it by, and what it does not. */
  readonly owner: string;
  readonly image: string;
  /** The label by which its pods are found. */
  readonly podLabel: string;
  readonly selector: string;
}

const kinds: readonly Kind[] = [
  {
    kind: "BuildRun",
    file: "buildrun",
    group: "shipwright.io",
    owner: "Build:checkout",
    image: "quay.example.com/shop/checkout@sha256:9f1c",
    podLabel: "buildrun.shipwright.io/name",
    selector: "BUILD_WATCHER_SHIPWRIGHT_SELECTOR",
  },
  {
    kind: "PipelineRun",
    file: "pipelinerun",
    group: "tekton.dev",
    owner: "Pipeline:checkout-on-push-k5v8n",
    image: "quay.io/example-shop/checkout@sha256:5891",
    podLabel: "tekton.dev/pipelineRun",
    selector: "BUILD_WATCHER_TEKTON_SELECTOR",
  },
  {
    kind: "TaskRun",
    file: "taskrun",
    group: "tekton.dev",
    owner: "Task:shop/buildah",
    image: "quay.example.com/shop/cart@sha256:1a79",
    podLabel: "tekton.dev/taskRun",
    selector: "BUILD_WATCHER_TEKTON_SELECTOR",
  },
];

const resourceOf = ({ file }: Kind) => `${file}s` as const;

/** A run in the watched namespace. */
function run({ file }: Kind, change: (object: RunObject) => void = () => {}): RunObject {
  return aRun(file, (object) => {
    object.metadata.namespace = namespace;
    change(object);
  });
}

const runs = (object: RunObject) =>
  void Object.assign(object.status, { conditions: condition("Unknown", "Running"), completionTime: undefined });

/** The pod that a run works in, and what its step wrote. */
function putPod({ cluster }: World, kind: Kind, phase: string, log?: string): void {
  const labels = { [kind.podLabel]: run(kind).metadata.name, "tekton.dev/pipelineTask": "build" };
  const spec = { containers: [{ name: "step-build" }] };
  cluster.put("pods", {
    metadata: { namespace, name: "its-pod", labels },
    spec,
    status: { phase, startTime: "2026-11-26T10:00:00Z" },
  });
  if (log !== undefined) cluster.setPodLog(namespace, "its-pod", "step-build", log);
}

function createRunWorld({ group }: Kind): Promise<World> {
  return createWorld({ namespace, installed: [group], token: "t", tokens: { t: "system:serviceaccount:bots:build-watcher" } });
}

const isDone = ({ msg }: Readonly<Record<string, unknown>>) => msg === "Job done";

describe.each(kinds)("a $kind", (kind) => {
  const { name, uid } = run(kind).metadata;

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
    expect(submission?.body).toMatchObject({ build_log: { log: expect.stringContaining("--- build ---\nSTEP 1") } });
    const answer = await fetch(`${world.cluster.url}/apis/events.k8s.io/v1/events`, { headers: { authorization: "Bearer t" } });
    const { items } = (await answer.json()) as { items: { regarding: object }[] };
    expect(items.map(({ regarding }) => regarding)).toEqual([expect.objectContaining({ kind: kind.kind, name, uid })]);
  });

  it("is seen though it is deleted at once, and its log with it", async () => {
    await using world = await createRunWorld(kind);
    const bot = world.bot(["--no-base", "--sources", kind.group === "tekton.dev" ? "tekton" : "shipwright"]);
    await world.cluster.waitFor(({ openWatches }) => openWatches === (kind.group === "tekton.dev" ? 2 : 1));
    world.cluster.put(resourceOf(kind), run(kind));
    world.cluster.remove(resourceOf(kind), namespace, name);
    await bot.logged(isDone);
    expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining(kind.image)]);
  });

  it("is followed by the name of what it was made from, and by its labels", async () => {
    for (const [environment, isWanted] of [
      [{ BUILD_WATCHER_TRACK: kind.owner }, true],
      [{ BUILD_WATCHER_TRACK: "checkout,cart,buildah" }, false],
      [{ [kind.selector]: "team=shop" }, true],
      [{ [kind.selector]: "team=bank" }, false],
    ] as const) {
      await using world = await createRunWorld(kind);
      const labelled = run(kind, ({ metadata }) =>
        Object.assign(metadata, { labels: { ...(metadata.labels as object), team: "shop" } }),
      );
      world.cluster.put(resourceOf(kind), labelled);
      const bot = world.bot(["--no-base"], environment);
      if (isWanted) await bot.logged(isDone);
      else await bot.logged(({ msg, source }) => msg === "Builds listed; watching" && source === resourceOf(kind));
      await bot.stop();
      expect(world.analysis.submissions).toHaveLength(isWanted ? 1 : 0);
    }
  });

  it("is replayed from what `oc get -o json` prints", async () => {
    await using world = await createRunWorld(kind);
    for (const text of [run(kind), { kind: "List", items: [run(kind)] }].map((value) => JSON.stringify(value))) {
      const bot = startBot(["replay", "-", "--force", "--no-base"], world.environment, { input: text });
      expect(await bot.exit).toBe(0);
    }
    expect(world.analysis.submissions.map(imageOf)).toEqual(Array(2).fill(expect.stringContaining(kind.image)));
  });

  it("has its log printed and streamed while it runs", async () => {
    await using world = await createRunWorld(kind);
    world.cluster.put(resourceOf(kind), run(kind, runs));
    putPod(world, kind, "Running", "one\n");
    const following = world.bot(["logs", "-f", `${kind.kind.toLowerCase()}/${name}`]);
    const streaming = world.bot(["--stream-logs", "--no-base"], { BUILD_WATCHER_STATE_DIR: `${world.stateDirectory}/other` });
    await expect.poll(following.stdout).toBe("--- build ---\none\n");
    const line = await streaming.logged(({ source, msg }) => source === "build-log" && msg === "one");
    expect(line).toMatchObject({ build: `${namespace}/${name}` });
    putPod(world, kind, "Succeeded", "one\ntwo\n");
    world.cluster.put(resourceOf(kind), run(kind));
    expect(await following.exit).toBe(0);
    expect(following.stdout()).toBe("--- build ---\none\ntwo\n");
    await streaming.logged(({ msg }) => msg === "two");
  });
});
