import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReceivedSubmission } from "../src/demo/analysis-api.ts";
import { createWorld, type World } from "./support/bot.ts";
import { aBuild, recordedBuilds, recordedImageStreams } from "./support/fixtures.ts";

function imageOf({ query, body }: ReceivedSubmission): string {
  return (body as { output_image?: string } | undefined)?.output_image ?? query.image ?? "";
}

function furnish({ cluster }: World): void {
  for (const build of recordedBuilds()) cluster.put("builds", build);
  for (const stream of recordedImageStreams()) cluster.put("imagestreams", stream);
}

const internal = "image-registry.openshift-image-registry.svc:5000/golang-builder";
const completed = [
  `${internal}/go-hello-world@sha256:cf002c16905b97e88bf015807062e2b6b30220d41fcffb689182e3846f34c8c0`,
  `${internal}/go-hello-world@sha256:365c7c2485cc49707d491a5ee52f2f17719a97ecc408c686e8b8f3b842638e00`,
  `${internal}/go-hello-world-appimage@sha256:396ca89c58a1840979ad625e20a7e8609519dfba6d8b1467d3ced5debbcbd264`,
  `${internal}/golang-builder@sha256:086e317e7c075a1d67684b40b2f6c94d7609ae68cc5c91ff2da7178b9c70b95a`,
  "registry.example.com/cpe/tracker/example-ray-job@sha256:5555555555555555555555555555555555555555555555555555555555555555",
].sort();

const lone = `sha256:${"e".repeat(64)}`;
const imported = `quay.io/x/y@${lone}`;

function putImported({ cluster }: World): void {
  const item = { created: "2026-01-01T00:00:00Z", dockerImageReference: imported, image: lone };
  cluster.put("imagestreams", {
    metadata: { name: "imported", namespace: "golang-builder" },
    spec: {},
    status: { tags: [{ tag: "1", items: [item] }] },
  });
}

describe("with the recorded builds in the cluster", () => {
  it("submits exactly the five that completed with an image, each once, each by digest", async () => {
    await using world = await createWorld();
    furnish(world);
    world.cluster.setBuildLog("golang-builder", "go-hello-world-appimage-1", "---> Installing application source...");
    const bot = world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
    expect(await bot.stop()).toBe(0);
    expect(world.analysis.submissions.map(imageOf).sort()).toEqual(completed);
    expect(world.analysis.received).toBe(5);
  });

  it("submits the build of the application with its log and its base image", async () => {
    await using world = await createWorld();
    furnish(world);
    world.cluster.setBuildLog("golang-builder", "go-hello-world-appimage-1", "---> Installing application source...");
    world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
    const submission = world.analysis.submissions.find((one) => imageOf(one).includes("appimage@"));
    expect(submission?.endpoint).toBe("build-analysis");
    expect(submission?.body).toMatchObject({
      base_image: `${internal}/golang-builder@sha256:086e317e7c075a1d67684b40b2f6c94d7609ae68cc5c91ff2da7178b9c70b95a`,
      build_log: { log: "---> Installing application source..." },
    });
  });

  it("submits nothing again after a restart", async () => {
    await using world = await createWorld();
    furnish(world);
    const first = world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
    await first.stop();
    const second = world.bot();
    await second.logged(({ msg }) => msg === "Builds listed; watching");
    world.cluster.put("builds", aBuild({ name: "late-1", namespace: "golang-builder" }));
    await world.analysis.waitFor(({ submissions }) => submissions.some((one) => imageOf(one).includes("/late")));
    expect(world.analysis.received).toBe(6);
  });

  it("adds only what no build covers in the startup pass, and logs its counts at the end", async () => {
    await using world = await createWorld();
    furnish(world);
    putImported(world);
    const bot = world.bot(["--analyze-existing"]);
    await bot.logged(({ msg }) => msg === "5 image streams, 5 tags, 1 new, 3 known, 1 skipped");
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 6);
    await bot.stop();
    expect(world.analysis.submissions.map(imageOf).sort()).toEqual([...completed, imported].sort());
  });

  it("makes the startup pass even if one of the namespaces cannot be read", async () => {
    await using world = await createWorld();
    putImported(world);
    world.cluster.setRules([{ namespaces: ["golang-builder"], verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]);
    const bot = world.bot(["-n", "golang-builder,nobodys", "--analyze-existing"]);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
    await bot.stop();
    expect(world.analysis.submissions.map(imageOf)).toEqual([imported]);
  });

  it("submits failed builds with log and base, without output, when asked to", async () => {
    await using world = await createWorld();
    const failed = recordedBuilds().find(({ metadata }) => metadata.name === "go-hello-world-3");
    world.cluster.put("builds", failed ?? {});
    world.cluster.setBuildLog("golang-builder", "go-hello-world-3", "error: build error");
    world.bot([], { BUILD_WATCHER_FAILED_BUILDS: "1" });
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(world.analysis.submissions[0]?.body).toMatchObject({ output_image: null, build_log: { log: "error: build error" } });
  });
});

describe("what a killed bot that copied left behind", () => {
  it("is cleared by one that copies no more: logins lie in it", async () => {
    await using world = await createWorld();
    const child = join(world.stateDirectory, "skopeo", "run", "4194304.1.0f0f0f0f", "child-a");
    await mkdir(child, { recursive: true });
    await writeFile(join(child, "destination.json"), "{}");
    const bot = world.bot();
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    expect(existsSync(child)).toBe(false);
  });
});

describe("a live build", () => {
  it("is submitted when it completes, and later events of it change nothing", async () => {
    await using world = await createWorld();
    const bot = world.bot();
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    const traits = { name: "cart-1", namespace: "golang-builder" };
    world.cluster.put("builds", aBuild({ ...traits, phase: "Running" }));
    world.cluster.put("builds", aBuild(traits));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    world.cluster.put("builds", aBuild({ ...traits, labels: { touched: "yes" } }));
    world.cluster.remove("builds", "golang-builder", "cart-1");
    world.cluster.put("builds", aBuild({ name: "cart-2", namespace: "golang-builder" }));
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 2);
    await bot.stop();
    expect(world.analysis.received).toBe(2);
  });

  it("counts even when it is seen only as it is pruned", async () => {
    await using world = await createWorld();
    const bot = world.bot();
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    world.cluster.fail("watch", { status: 500 });
    world.cluster.closeWatches("clean");
    world.cluster.put("builds", aBuild({ name: "cart-1", namespace: "golang-builder" }));
    world.cluster.remove("builds", "golang-builder", "cart-1");
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
  });

  it("is left alone when it is annotated so, not tracked, or not selected", async () => {
    await using world = await createWorld();
    const bot = world.bot(["--track", "cart", "--label-selector", "tier!=test"]);
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    const annotations = { "build-watcher.thoth-station.ninja/skip": "true" };
    world.cluster.put("builds", aBuild({ name: "cart-1", namespace: "golang-builder", annotations }));
    world.cluster.put("builds", aBuild({ name: "other-1", namespace: "golang-builder" }));
    world.cluster.put("builds", aBuild({ name: "cart-2", namespace: "golang-builder", labels: { tier: "test" } }));
    world.cluster.put("builds", aBuild({ name: "cart-3", namespace: "golang-builder" }));
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
    await bot.stop();
    expect(bot.lines.filter(({ msg }) => msg === "Build taken in").map(({ subject }) => subject)).toEqual([
      "golang-builder/cart-3",
    ]);
  });
});

describe("a dry run", () => {
  it("submits nothing, says what it would submit, and remembers nothing", async () => {
    await using world = await createWorld();
    furnish(world);
    const dry = world.bot(["--dry-run"]);
    await dry.logged(({ msg, notes }) => msg === "Job done" && String(notes).includes("Dry run, not submitted: output image"));
    await dry.stop();
    expect(world.analysis.received).toBe(0);
    world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
  });
});

describe("the token of the cluster", () => {
  it("goes with images of the cluster's own registry only, and appears in no log line and not in the ledger", async () => {
    await using world = await createWorld({ token: "sha256~TOPSECRETTOKEN" });
    furnish(world);
    const bot = world.bot(["--pass-token", "--no-build-log"]);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
    await bot.stop();
    const passwords = world.analysis.submissions.map((one) => [
      imageOf(one).split("/")[0],
      one.query.registry_password ?? one.query.output_registry_password,
    ]);
    expect(passwords.filter(([host]) => host === "registry.example.com")).toEqual([["registry.example.com", undefined]]);
    expect(passwords.filter(([, password]) => password === "sha256~TOPSECRETTOKEN")).toHaveLength(4);
    expect(bot.stdout()).not.toContain("TOPSECRETTOKEN");
    const { readFile, readdir } = await import("node:fs/promises");
    const entries = await readdir(world.stateDirectory, { recursive: true, withFileTypes: true });
    for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
      expect((await readFile(`${parentPath}/${name}`)).includes("TOPSECRETTOKEN")).toBe(false);
    }
  });
});

describe("what cannot work", () => {
  it("ends with a reason and exit code 1 when there is no cluster", async () => {
    await using world = await createWorld();
    const bot = world.bot([], { KUBECONFIG: "", HOME: world.stateDirectory });
    expect(await bot.exit).toBe(1);
    expect(bot.lines.at(-1)).toMatchObject({
      level: "fatal",
      reason: "ClusterUnavailable",
      msg: expect.stringContaining("oc login"),
    });
  });

  it("ends with exit code 2 and every mistake when settings are wrong", async () => {
    await using world = await createWorld();
    const bot = world.bot(["--workers-count", "0", "--environment-type", "production"]);
    expect(await bot.exit).toBe(2);
    expect(bot.stderr()).toMatch(/--environment-type.*THOTH_ENVIRONMENT_TYPE[\s\S]*--workers-count.*THOTH_BUILD_WATCHER_WORKERS/);
  });

  it("says that another bot works on the state directory, and stops", async () => {
    await using world = await createWorld();
    const first = world.bot();
    await first.logged(({ msg }) => msg === "Builds listed; watching");
    const second = world.bot();
    expect(await second.exit).toBe(1);
    expect(second.lines.at(-1)).toMatchObject({ level: "fatal", msg: expect.stringContaining("BUILD_WATCHER_STATE_DIR") });
  });

  it("says at once that the analysis endpoint is not there, and keeps the builds for later", async () => {
    await using world = await createWorld();
    furnish(world);
    const bot = world.bot([], { THOTH_USER_API_HOST: "http://127.0.0.1:1" });
    await bot.logged(({ level, msg }) => level === "error" && String(msg).includes("THOTH_USER_API_HOST"));
    await bot.logged(({ msg }) => msg === "Attempt failed; the job will be retried");
    await bot.stop();
    world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 5);
  });
});
