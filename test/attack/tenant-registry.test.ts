import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Digest } from "../../src/core/images/image-reference.ts";
import { createWorld, type World } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { openTestCopier } from "../support/copier.ts";
import { type Oddity, type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { digestOf, makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { completedBuild, imageOf, namespace } from "../support/submissions.ts";

requirePrograms("skopeo", "docker-registry")("a tenant's own registry", () => {
  let pushRegistry: RegistryServer;
  let registry: OddRegistry;

  beforeAll(async () => {
    pushRegistry = await startRegistry();
  });
  beforeEach(async () => {
    registry = await startOddRegistry();
  });
  afterEach(() => registry[Symbol.asyncDispose]());
  afterAll(() => pushRegistry.close());

  function put({ cluster }: World, name: string, outputReference: string, digest: Digest): void {
    cluster.put("builds", completedBuild(name, { outputReference, digest, base: null }));
  }

  it("at an address of the pod is not asked for anything, and others' builds are copied and submitted", async () => {
    await using world = await createWorld();
    await using bot = startBotProcess({
      ...world.environment,
      KUBERNETES_SERVICE_HOST: "172.30.0.1",
      THOTH_PUSH_REGISTRY: `${pushRegistry.host}/copies`,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
    });
    const image = makeImage();
    const port = registry.host.split(":")[1];
    registry.put("evil/app", image);
    put(world, "evil", `localhost:${port}/evil/app:latest`, image.digest);
    const failure = await bot.logged(({ subject, reason }) => subject === `${namespace}/evil-1` && reason !== undefined);
    expect(failure).toMatchObject({ reason: "RegistryUntrusted" });
    expect(registry.asked).toEqual([]);

    const good = makeImage();
    await pushRegistry.push("shop/app", good, "latest");
    put(world, "good", `${pushRegistry.host}/shop/app:latest`, good.digest);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining(good.digest)]);
  });

  it("that names index after index costs few requests and little memory", async () => {
    const padding = "x".repeat(3_000_000);
    const chain: Oddity = (_, response, url) => {
      if (!url.includes("/manifests/")) return false;
      const next = { mediaType: indexType, size: 3_000_200, digest: digestOf(Buffer.from(url)) };
      const body = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [next], annotations: { padding } });
      response.writeHead(200, { "Content-Type": indexType }).end(body);
      return true;
    };
    const indexType = "application/vnd.oci.image.index.v1+json";
    registry.oddity = chain;
    const copier = await openTestCopier({ pushRegistry: `${pushRegistry.host}/copies` });
    const before = process.memoryUsage().rss;
    await expect(copier.copyNamed(`${registry.host}/evil/app:latest`)).rejects.toMatchObject({ name: "JobError" });
    expect(registry.asked.filter((request) => request.includes("/manifests/")).length).toBeLessThan(10);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    await copier.remove();
  });
});
