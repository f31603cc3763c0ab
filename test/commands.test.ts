import { describe, expect, it } from "vitest";
import { createWorld, startBot } from "./support/bot.ts";
import { digestOf, recorded, recordedBuilds } from "./support/fixtures.ts";
import { aRun } from "./support/runs.ts";

const digest = `sha256:${"a".repeat(64)}`;
const image = `quay.io/shop/cart@${digest}`;

describe("submit", () => {
  it("submits images, waits for the answer, and submits one named by digest only once", async () => {
    await using world = await createWorld();
    expect(await world.bot(["submit", image]).exit).toBe(0);
    const again = world.bot(["submit", image]);
    expect(await again.exit).toBe(0);
    expect(again.lines).toContainEqual(expect.objectContaining({ msg: "Already submitted; --force submits it again" }));
    expect(world.analysis.submissions.map(({ query }) => query.image)).toEqual([image]);
    expect(await world.bot(["submit", "--force", image]).exit).toBe(0);
    expect(world.analysis.submissions).toHaveLength(2);
  });

  it("submits an image named by tag every time, since the tag can move", async () => {
    await using world = await createWorld();
    for (let time = 0; time < 2; time += 1) expect(await world.bot(["submit", "quay.io/shop/cart:latest"]).exit).toBe(0);
    expect(world.analysis.submissions).toHaveLength(2);
  });

  it("ends with 1 when the service refuses", async () => {
    await using world = await createWorld();
    world.analysis.unreadable(image, "manifest unknown");
    const bot = world.bot(["submit", image]);
    expect(await bot.exit).toBe(1);
    expect(bot.lines).toContainEqual(expect.objectContaining({ level: "error", reason: "AnalyzerRejected" }));
  });

  it("hands its images to the bot that works in the same state directory", async () => {
    await using world = await createWorld();
    const working = world.bot();
    await working.logged(({ msg }) => msg === "Builds listed; watching");
    const handing = world.bot(["submit", image]);
    expect(await handing.exit).toBe(0);
    await handing.logged(({ msg }) => String(msg).startsWith("Handed over"));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(await working.stop()).toBe(0);
  });

  it("refuses a name that is none as a mistake of the command line", async () => {
    await using world = await createWorld();
    const bot = world.bot(["submit", "not a image!!"]);
    expect(await bot.exit).toBe(2);
    expect(bot.stderr()).toContain('"not a image!!" is no image reference');
  });
});

describe("replay", () => {
  const environment = (url: string, kubeconfig: string, directory: string) => ({
    KUBECONFIG: kubeconfig,
    THOTH_USER_API_HOST: url,
    BUILD_WATCHER_STATE_DIR: directory,
    BUILD_WATCHER_SERVER: "0",
  });

  it.each([
    ["a list, as recorded", JSON.stringify(recorded("build-list.json")), 5],
    ["one Build", JSON.stringify({ kind: "Build", ...recordedBuilds()[0] }), 1],
    ["a Build that failed", JSON.stringify({ kind: "Build", ...recordedBuilds()[2] }), 0],
  ])("treats %s as seen now", async (_, input, submissions) => {
    await using world = await createWorld();
    const settings = environment(world.analysis.url, world.kubeconfig, world.stateDirectory);
    expect(await startBot(["replay", "-"], settings, { input }).exit).toBe(0);
    expect(world.analysis.submissions).toHaveLength(submissions);
  });

  it("leaves out what the watch would, by the annotation of what a run is made from, labels and namespaces, but no old builds", async () => {
    await using world = await createWorld({ namespace: "shop", installed: ["shipwright.io"] });
    const skip = { "build-watcher.thoth-station.ninja/skip": "true" };
    world.cluster.put("builds.shipwright.io", { metadata: { namespace: "shop", name: "checkout", annotations: skip } });
    const aBuildRun = (name: string, labels: object, namespace = "shop") =>
      aRun("BuildRun", ({ metadata, status }) => {
        Object.assign(metadata, { name, uid: name, namespace, labels: { "build.shipwright.io/name": "cart", ...labels } });
        Object.assign(status, { output: { digest: digestOf(name) } });
      });
    const items = [
      aBuildRun("skipped", { "build.shipwright.io/name": "checkout" }),
      aBuildRun("of-nobody", { team: "bank" }),
      aBuildRun("left-out", {}, "openshift-infra"),
      aBuildRun("wanted", {}),
    ];
    const settings = {
      ...world.environment,
      THOTH_WATCHED_NAMESPACE: "*",
      BUILD_WATCHER_NAMESPACE_EXCLUDE: "openshift-*",
      BUILD_WATCHER_SHIPWRIGHT_SELECTOR: "team!=bank",
      BUILD_WATCHER_SINCE: "now",
      THOTH_BUILD_ANALYSIS_NO_BASE_IMAGE: "1",
    };
    const bot = startBot(["replay", "-"], settings, { input: JSON.stringify({ kind: "List", items }) });
    expect(await bot.exit).toBe(0);
    expect(world.analysis.submissions.map(({ query }) => query.image)).toEqual([expect.stringContaining(digestOf("wanted"))]);
    const left = bot.lines.filter(({ msg }) => msg === "Build left alone").map(({ subject, because }) => [subject, because]);
    expect(left).toEqual([
      ["shop/skipped", "excluded"],
      ["shop/of-nobody", "label-selector"],
      ["openshift-infra/left-out", "excluded"],
    ]);
  });

  it("says so when no build of the file has an image to submit", async () => {
    await using world = await createWorld();
    const input = JSON.stringify({
      kind: "Build",
      metadata: { name: "no-uid-1", namespace: "shop" },
      status: { phase: "Complete" },
    });
    const bot = startBot(["replay", "-"], world.environment, { input });
    expect(await bot.exit).toBe(0);
    expect(bot.stdout()).toBe("Jobs: 0 done, 0 failed. No build of the file has an image to submit.\n");
    const because = { subject: "an object without namespace, name or uid", because: "unreadable" };
    expect(bot.lines).toContainEqual(expect.objectContaining(because));
  });

  it.each([
    ["no JSON", "not json", "is no JSON"],
    ["another object", '{"kind":"Pod","metadata":{}}', "holds no Build"],
    ["a number", "7", "holds no Build"],
  ])("says what is wrong with %s", async (_, input, message) => {
    const bot = startBot(["replay", "-"], { THOTH_USER_API_HOST: "x", HOME: "/nonexistent" }, { input });
    expect(await bot.exit).toBe(2);
    expect(bot.stderr()).toContain(message);
  });
});

describe("scan", () => {
  const items = [{ created: "2026-01-01T00:00:00Z", dockerImageReference: image, image: digest }];
  const cart = { metadata: { name: "cart", namespace: "golang-builder" }, status: { tags: [{ tag: "1", items }] } };

  it("ends with 0 when its jobs ended well, and counts in its closing line", async () => {
    await using world = await createWorld();
    world.cluster.put("imagestreams", cart);
    const bot = world.bot(["scan"]);
    expect(await bot.exit).toBe(0);
    expect(bot.lines).toContainEqual(expect.objectContaining({ msg: "1 image stream, 1 tag, 1 new, 0 known, 0 skipped" }));
    expect(world.analysis.submissions).toHaveLength(1);
    expect(bot.stdout()).toBe("Jobs: 1 done, 0 failed.\n");
  });

  it("ends with 1 when jobs failed, and calls none of those submitted", async () => {
    await using world = await createWorld();
    world.cluster.put("imagestreams", cart);
    world.analysis.unreadable(image, "manifest unknown");
    const bot = world.bot(["scan"]);
    expect(await bot.exit).toBe(1);
    expect(bot.stdout()).toBe("Jobs: 0 done, 1 failed. build-watcher jobs --state failed shows why.\n");
  });

  it("hands its jobs to the bot that works in the same state directory, each once", async () => {
    await using world = await createWorld();
    world.cluster.put("imagestreams", cart);
    const working = world.bot();
    await working.logged(({ msg }) => msg === "Builds listed; watching");
    const first = world.bot(["scan"]);
    expect(await first.exit).toBe(0);
    expect(first.stdout()).toContain("takes 1 new job. build-watcher jobs shows what becomes of them.");
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    const second = world.bot(["scan"]);
    expect(await second.exit).toBe(0);
    expect(second.stdout()).toBe("Every image of the image streams is known already.\n");
    expect(await working.stop()).toBe(0);
    expect(world.analysis.submissions.map(({ query }) => query.image)).toEqual([image]);
  });
});

describe("a state directory that cannot be made", () => {
  it("is an error that names the setting, at once", async () => {
    await using world = await createWorld();
    const bot = world.bot([], { BUILD_WATCHER_STATE_DIR: "/proc/nowhere/x" });
    expect(await bot.exit).toBe(1);
    expect(bot.lines.at(-1)).toMatchObject({ level: "fatal", msg: expect.stringContaining("BUILD_WATCHER_STATE_DIR") });
  });
});

describe("settings for copies", () => {
  it.each([
    [["--push-template", "{foo}"], "BUILD_WATCHER_PUSH_TEMPLATE"],
    [["--push-layout", "flat"], "BUILD_WATCHER_PUSH_LAYOUT"],
  ])("that make no valid names are a mistake at start: %j", async (flags, variable) => {
    const bot = startBot(["-a", "x", "-r", "quay.example.com", ...flags], { HOME: "/nonexistent" });
    expect(await bot.exit).toBe(2);
    expect(bot.stderr()).toContain(variable);
  });
});
