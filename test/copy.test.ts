import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { Digest } from "../src/core/images/image-reference.ts";
import { createWorld, type World } from "./support/bot.ts";
import { startFaultyRegistry } from "./support/faulty-registry.ts";
import { aBuild, internalRegistry } from "./support/fixtures.ts";
import { requirePrograms } from "./support/programs.ts";
import { type MadeImage, makeImage } from "./support/registry-images.ts";
import { type RegistryServer, startRegistry } from "./support/registry-server.ts";

const sourceLogin = { user: "reader", password: "s0urce-TOPSECRET" };
const destinationLogin = { user: "writer", password: "d3stination-TOPSECRET" };
const namespaces = ["shop", "backoffice"];

requirePrograms(
  "skopeo",
  "docker-registry",
  "htpasswd",
)("a bot with a push registry", () => {
  let source: RegistryServer;
  let destination: RegistryServer;

  beforeAll(async () => {
    [source, destination] = await Promise.all([
      startRegistry({ login: sourceLogin }),
      startRegistry({ login: destinationLogin }),
    ]);
  });
  afterAll(() => Promise.all([source.close(), destination.close()]));

  /** A build that pushed to the cluster's registry, whose public host is the source registry. */
  async function complete({ cluster }: World, namespace: string, name: string, image: MadeImage): Promise<void> {
    await source.push(`${namespace}/${name}`, image, "latest");
    const outputReference = `${internalRegistry}/${namespace}/${name}:latest`;
    cluster.put("builds", aBuild({ name: `${name}-1`, namespace, outputReference, digest: image.digest, base: null }));
  }

  function start(world: World, argv: readonly string[] = [], settings: Readonly<Record<string, string>> = {}) {
    return world.bot(
      [
        "-n",
        namespaces.join(),
        "--push-registry",
        `${destination.host}/mirror`,
        "--workers-count",
        "4",
        "--no-registry-tls-verify",
        ...argv,
      ],
      {
        THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "1",
        BUILD_WATCHER_REGISTRY_ROUTE: source.host,
        THOTH_SRC_REGISTRY_USER: sourceLogin.user,
        THOTH_SRC_REGISTRY_PASSWORD: sourceLogin.password,
        THOTH_DST_REGISTRY_USER: destinationLogin.user,
        THOTH_DST_REGISTRY_PASSWORD: destinationLogin.password,
        ...settings,
      },
    );
  }

  /** What the copy of an image is called whose registry is not the cluster's. */
  const copyName = (repository: string) => `${source.host.replace(":", "-")}_${repository.replace("/", "_")}`;

  const submitted = ({ analysis }: World) => analysis.submissions.map(({ query }) => query.image).sort();
  const uploads = async () =>
    (await destination.requests()).filter(({ method, status }) => method === "PUT" && status === 201).length;

  it("copies the images of two namespaces, submits the copies by digest, and uploads nothing a second time", async () => {
    await using world = await createWorld();
    const expected: string[] = [];
    for (const namespace of namespaces) {
      for (let index = 0; index < 6; index += 1) {
        const image = makeImage();
        await complete(world, namespace, `app${index}`, image);
        expected.push(`${destination.host}/mirror/${namespace}-app${index}@${image.digest}`);
      }
    }
    const first = start(world);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 12);
    expect(await first.stop()).toBe(0);
    expect(submitted(world)).toEqual(expected.sort());
    expect(world.analysis.submissions.every(({ query }) => query.registry_password === destinationLogin.password)).toBe(true);

    const before = await uploads();
    const again = start(world, ["--state-dir", `${world.stateDirectory}/fresh`]);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 24);
    await again.stop();
    expect(await uploads()).toBe(before);
    expect(`${first.stdout()}${again.stdout()}`).not.toContain("TOPSECRET");
  });

  it("copies an image once for all analyzers", async () => {
    await using world = await createWorld();
    const images = Array.from({ length: 4 }, () => makeImage());
    for (const [index, image] of images.entries()) await complete(world, "shop", `twice${index}`, image);
    const bot = start(world, ["--analyzers", "thoth,packages"]);
    const done = () => bot.lines.filter(({ msg }) => msg === "Job done");
    await expect.poll(() => done().length, { timeout: 60_000 }).toBe(8);
    const copied = bot.lines.filter(({ msg, outcome }) => msg === "Image copied" && outcome === "copied");
    expect(copied).toHaveLength(images.length);
    expect(done().filter(({ analyzer }) => analyzer === "packages")).toHaveLength(images.length);
    await bot.stop();
    const jobs = world.bot(["jobs", "--analyzer", "packages", "--json"]);
    await jobs.exit;
    const records = jobs
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ analyzer, outcome }) => [analyzer, outcome])).toEqual(images.map(() => ["packages", "analysed"]));
    expect(records.every(({ id, job }) => id === `${job.group}-packages`)).toBe(true);
  });

  it("never submits an image whose copy failed, and continues with the others", async () => {
    await using world = await createWorld();
    const gone = makeImage();
    const outputReference = `${internalRegistry}/shop/gone:latest`;
    world.cluster.put("builds", aBuild({ name: "gone-1", namespace: "shop", outputReference, digest: gone.digest, base: null }));
    await complete(world, "shop", "there", makeImage());
    const bot = start(world);
    await bot.logged(({ msg, reason }) => msg === "Job failed" && reason === "ImageNotFound");
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
    await bot.stop();
    expect(submitted(world)).toEqual([expect.stringContaining("/mirror/shop-there@")]);
  });

  it("submits what needs no copy while the only worker's copies hang", async () => {
    await using world = await createWorld();
    const { cluster, analysis } = world;
    const hanging = await startFaultyRegistry(destination, ({ method }) => method === "POST");
    onTestFinished(() => hanging.close());
    for (const name of ["one", "two"]) await complete(world, "shop", name, makeImage());
    const elsewhere = `quay.io/shop/elsewhere@${makeImage().digest}`;
    const below = `${hanging.host}/mirror/shop-there@${makeImage().digest}`;

    const bot = start(world, ["--workers-count", "1", "--push-registry", `${hanging.host}/mirror`, "--push-skip", "quay.io"], {
      THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "0",
      BUILD_WATCHER_FAILED_BUILDS: "1",
      BUILD_WATCHER_SHUTDOWN_GRACE: "1s",
    });
    await hanging.struck;
    cluster.put("builds", aBuild({ name: "failed-1", namespace: "shop", phase: "Failed", base: null }));
    for (const [index, image] of [elsewhere, below].entries()) {
      const [outputReference = "", digest = ""] = image.split("@");
      const traits = { outputReference, digest: digest as Digest, base: null };
      cluster.put("builds", aBuild({ name: `placed${index}-1`, namespace: "shop", ...traits }));
    }
    await analysis.waitFor(({ submissions }) => submissions.length >= 3);
    expect(analysis.submissions.map(({ body }) => body)).toEqual(
      [null, elsewhere, below].map((image) => expect.objectContaining({ output_image: image })),
    );
    expect(bot.lines.filter(({ msg }) => msg === "Image copied")).toEqual([]);
    expect(await bot.stop()).toBe(0);
  });

  it("submits a base image that cannot be copied from where it is", async () => {
    await using world = await createWorld();
    const image = makeImage();
    await source.push("shop/based", image, "latest");
    const base = { kind: "DockerImage", name: `127.0.0.1:1/nowhere/base@${image.digest}` };
    const outputReference = `${internalRegistry}/shop/based:latest`;
    world.cluster.put("builds", aBuild({ name: "based-1", namespace: "shop", outputReference, digest: image.digest, base }));
    const bot = start(world);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
    await bot.logged(({ msg, notes }) => msg === "Job done" && String(notes).includes("was not copied"));
    expect(world.analysis.submissions[0]?.body).toMatchObject({
      base_image: base.name,
      output_image: `${destination.host}/mirror/shop-based@${image.digest}`,
    });
  });

  it("shows the source login to a registry outside the cluster only when it is named", async () => {
    await using world = await createWorld();
    const image = makeImage();
    await source.push("shop/outside", image, "latest");
    const output = { kind: "DockerImage", name: `${source.host}/shop/outside:latest` };
    world.cluster.put("builds", aBuild({ name: "outside-1", namespace: "shop", output, digest: image.digest, base: null }));
    const unnamed = start(world, [], { BUILD_WATCHER_REGISTRY_ROUTE: "registry.example.com" });
    await unnamed.logged(({ reason }) => reason === "RegistryDenied");
    await unnamed.stop();
    expect(submitted(world)).toEqual([]);

    const fresh = ["--state-dir", `${world.stateDirectory}/fresh`, "--src-registry", source.host];
    const named = start(world, fresh, { BUILD_WATCHER_REGISTRY_ROUTE: "registry.example.com" });
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
    await named.stop();
    expect(submitted(world)).toEqual([`${destination.host}/mirror/${copyName("shop/outside")}@${image.digest}`]);
  });

  it("copies single images by command, and shows in a dry run what would be copied where", async () => {
    await using world = await createWorld();
    const image = await source.push("shop/by-hand", makeImage(), "v1");
    const settings = {
      THOTH_PUSH_REGISTRY: `${destination.host}/mirror`,
      THOTH_SRC_REGISTRY_USER: sourceLogin.user,
      THOTH_SRC_REGISTRY_PASSWORD: sourceLogin.password,
    };
    const logins = { THOTH_DST_REGISTRY_USER: destinationLogin.user, THOTH_DST_REGISTRY_PASSWORD: destinationLogin.password };
    const expected = `${image} -> ${destination.host}/mirror/${copyName("shop/by-hand")}@${image.split("@")[1]}\n`;
    const planned = world.bot(["copy", "--dry-run", image], settings);
    expect(await planned.exit).toBe(0);
    expect(planned.stdout()).toBe(expected);
    expect(await destination.digest(`mirror/${copyName("shop/by-hand")}`, image.split("@")[1] ?? "")).toBeUndefined();
    const refused = world.bot(["copy", image, "--no-registry-tls-verify", "--src-registry", "quay.io"], {
      ...settings,
      ...logins,
    });
    expect(await refused.exit).toBe(1);
    await refused.logged(({ msg, reason }) => msg === "Image not copied" && reason === "RegistryDenied");
    const copied = world.bot(["copy", image, "--no-registry-tls-verify"], { ...settings, ...logins });
    expect(await copied.exit).toBe(0);
    expect(copied.stdout()).toContain(expected);
    expect(await destination.digest(`mirror/${copyName("shop/by-hand")}`, image.split("@")[1] ?? "")).toBe(image.split("@")[1]);
  });
});
