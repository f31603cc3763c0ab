import { afterAll, beforeAll, expect, it } from "vitest";
import { cycloneDx, makeArtifact, makeReferrers, tagFor } from "./support/artifacts.ts";
import { createWorld, type World } from "./support/bot.ts";
import { aBuild, internalRegistry } from "./support/fixtures.ts";
import { makeFileLayer } from "./support/layers.ts";
import { requirePrograms } from "./support/programs.ts";
import { startReferrersRegistry } from "./support/referrers-registry.ts";
import { type MadeImage, makeImage } from "./support/registry-images.ts";
import { type RegistryServer, startRegistry } from "./support/registry-server.ts";

const type = "application/vnd.cyclonedx+json";
const status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n";

requirePrograms("skopeo", "docker-registry")("a bot that attaches bills of materials", () => {
  let source: RegistryServer;
  let destination: RegistryServer;

  beforeAll(async () => {
    [source, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterAll(() => Promise.all([source.close(), destination.close()]));

  /** An image in the cluster's registry; its copy is called `mirror/shop-<name>`. */
  async function push(name: string): Promise<MadeImage> {
    const files = { "etc/os-release": 'ID=debian\nVERSION_ID="12"\n', "var/lib/dpkg/status": status, "etc/hostname": name };
    const image = makeImage({ layers: [await makeFileLayer(files)] });
    await source.push(`shop/${name}`, image, "latest");
    return image;
  }

  /** A build made the image, and the bot has worked on it; what the bot says of its job. */
  async function build(world: World, name: string, { digest }: MadeImage, more: Readonly<Record<string, string>> = {}) {
    const outputReference = `${internalRegistry}/shop/${name}:latest`;
    world.cluster.put("builds", aBuild({ name: `${name}-1`, namespace: "shop", outputReference, digest, base: null }));
    const flags = ["-n", "shop", "--analyzers", "packages", "--no-registry-tls-verify", "--state-dir"];
    const bot = world.bot([...flags, `${world.stateDirectory}/${crypto.randomUUID()}`], {
      THOTH_PUSH_REGISTRY: `${destination.host}/mirror`,
      BUILD_WATCHER_REGISTRY_ROUTE: source.host,
      BUILD_WATCHER_ATTACH_SBOM: "1",
      ...more,
    });
    const line = await bot.logged(({ msg, subject }) => msg === "Job done" && subject === `shop/${name}-1`);
    await bot.stop();
    return line;
  }

  const get = async (host: string, path: string) =>
    fetch(`http://${host}/v2/${path}`, {
      headers: { Accept: "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json" },
    });
  /** The names of the components of the document that an artifact holds. */
  async function namesIn(host: string, repository: string, manifest: string): Promise<string[]> {
    const { layers } = (await (await get(host, `${repository}/manifests/${manifest}`)).json()) as {
      layers: { digest: string }[];
    };
    const blob = await (await get(host, `${repository}/blobs/${layers[0]?.digest}`)).json();
    return (blob as { components: { name: string }[] }).components.map(({ name }) => name);
  }

  it("lists them once under the fallback tag, if the registry has no API for it", async () => {
    await using world = await createWorld();
    const image = await push("plain");
    await build(world, "plain", image);
    const list = async () => {
      const answer = await get(destination.host, `mirror/shop-plain/manifests/${tagFor(image)}`);
      return ((await answer.json()) as { manifests: { artifactType: string; digest: string }[] }).manifests;
    };
    const [entry, ...others] = await list();
    expect([entry?.artifactType, others]).toEqual([type, []]);
    expect(await namesIn(destination.host, "mirror/shop-plain", entry?.digest ?? "")).toEqual(["debian", "bash"]);
    expect(await source.digest("shop/plain", tagFor(image))).toBeUndefined();
    await build(world, "plain", image);
    expect(await list()).toEqual([entry]);
  });

  it("leaves the list to a registry that has the API", async () => {
    await using world = await createWorld();
    await using modern = await startReferrersRegistry(destination);
    const image = await push("modern");
    await build(world, "modern", image, { THOTH_PUSH_REGISTRY: `${modern.host}/mirror` });
    const [entry, ...others] = modern.listed.get(image.digest) ?? [];
    expect([entry?.artifactType, others]).toEqual([type, []]);
    expect(await namesIn(modern.host, "mirror/shop-modern", entry?.digest ?? "")).toEqual(["debian", "bash"]);
    expect(await destination.digest("mirror/shop-modern", tagFor(image))).toBeUndefined();
  });

  it("leaves one alone that is there from before", async () => {
    await using world = await createWorld();
    const image = await push("known");
    await destination.push("mirror/shop-known", image);
    const theirs = makeReferrers([makeArtifact({ mediaType: type, bytes: cycloneDx(["theirs"]), subject: image })]);
    await destination.push("mirror/shop-known", theirs, tagFor(image));
    await build(world, "known", image);
    expect(await destination.digest("mirror/shop-known", tagFor(image))).toBe(theirs.digest);
  });

  it("attaches nothing in the cluster's own registry", async () => {
    await using world = await createWorld();
    const image = await push("own");
    await destination.push("shop/own", image, "latest");
    const line = await build(world, "own", image, { BUILD_WATCHER_REGISTRY_ROUTE: destination.host });
    expect(line).toBeDefined();
    for (const repository of ["shop/own", "mirror/shop-own"])
      expect(await destination.digest(repository, tagFor(image))).toBeUndefined();
  });

  it("continues if nothing can be attached, and says so", async () => {
    await using world = await createWorld();
    const image = await push("taken");
    await destination.push("mirror/shop-taken", makeImage(), tagFor(image));
    const line = await build(world, "taken", image);
    expect(JSON.stringify(line)).toContain("was not attached");
  });
});
