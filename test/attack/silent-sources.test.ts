import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import type { ImageCopierSettings } from "../../src/registry/skopeo/skopeo-copier.ts";
import { openTestCopier, type TestCopier } from "../support/copier.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage, makeIndex, makeLayer } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

/** So long that a copy which waits for it never ends within a test. */
const forEver = 3_600_000;

requirePrograms("skopeo", "docker-registry")("a registry that keeps copies waiting", () => {
  let registry: RegistryServer;
  let destination: RegistryServer;
  const opened: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    [registry, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
  afterAll(() => Promise.all([registry.close(), destination.close()]));

  /** A source whose layers never come. */
  async function tarpit(): Promise<FaultyRegistry> {
    const source = await startFaultyRegistry(registry, ({ method, url }) => method === "GET" && !!url?.includes("/blobs/"));
    opened.push(() => source.close());
    return source;
  }

  async function open(path: string, settings: Partial<ImageCopierSettings> = {}): Promise<TestCopier> {
    const copier = await openTestCopier({ pushRegistry: `${destination.host}/${path}`, ...settings });
    opened.push(() => copier.remove());
    return copier;
  }

  /** Begins copies of a tarpit's images; they are ended with the test. */
  function sink(copier: TestCopier, names: readonly string[]): Promise<unknown>[] {
    const controller = new AbortController();
    const copies = names.map((name) => copier.copyNamed(name, controller.signal).catch((error: unknown) => error));
    opened.push(async () => {
      controller.abort(new JobError("TimedOut", "the test is over"));
      await Promise.all(copies);
    });
    return copies;
  }

  it("holds no place at the push registry: another's image is copied beside as many as there are places", async () => {
    const source = await tarpit();
    const names = await Promise.all([1, 2].map((number) => registry.push(`evil/sink${number}`, makeImage())));
    const copier = await open("places", { perRegistry: 2, patience: forEver });
    sink(
      copier,
      names.map((name) => name.replace(registry.host, source.host)),
    );
    await source.struck;
    const victim = makeImage();
    await expect(copier.copyNamed(await registry.push("shop/victim", victim))).resolves.toMatchObject({ digest: victim.digest });
  });

  it("holds up no image that shares a layer with one of its own", async () => {
    const source = await tarpit();
    const shared = makeLayer(50_000);
    const bait = await registry.push("evil/bait", makeImage({ layers: [shared, makeLayer()] }));
    const copier = await open("layers", { patience: 30_000 });
    sink(copier, [bait.replace(registry.host, source.host)]);
    await source.struck;
    const victim = makeImage({ layers: [shared, makeLayer()] });
    await expect(copier.copyNamed(await registry.push("shop/victim", victim))).resolves.toMatchObject({ digest: victim.digest });
  });

  it.each([
    ["sends nothing", () => {}],
    [
      "sends a byte now and then",
      (write: (byte: string) => void) => {
        const timer = setInterval(() => write("x"), 200);
        return () => clearInterval(timer);
      },
    ],
  ])("loses its copy when it %s", async (_, drip) => {
    const source = await startFaultyRegistry(registry, ({ method, url }, response) => {
      if (method !== "GET" || !url?.includes("/blobs/")) return false;
      response.writeHead(200, { "Content-Length": "100000" }).flushHeaders();
      const stop = drip((byte) => response.write(byte));
      response.once("close", () => stop?.());
      return true;
    });
    opened.push(() => source.close());
    const copier = await open("silent", { patience: 3_000 });
    const name = await registry.push("evil/silent", makeImage({ layers: [makeLayer(100_000)] }));
    const [copy] = sink(copier, [name.replace(registry.host, source.host)]);
    expect(await copy).toMatchObject({
      reason: "RegistryUnavailable",
      retryable: true,
      message: expect.stringMatching(/no data moved for \d+ s/),
    });
    expect(copier.childFiles()).toEqual([]);
  });

  it("keeps a copy that its own client delays for an hour from holding places", async () => {
    const source = await startFaultyRegistry(registry, ({ method, url }, response) => {
      if (method !== "GET" || !url?.includes("/blobs/")) return false;
      response.writeHead(429, { "Retry-After": "3600" }).end();
      return true;
    });
    opened.push(() => source.close());
    const copier = await open("patience", { perRegistry: 1, patience: forEver });
    const name = await registry.push("evil/patience", makeImage());
    sink(copier, [name.replace(registry.host, source.host)]);
    await source.struck;
    const victim = makeImage();
    await expect(copier.copyNamed(await registry.push("shop/patient", victim))).resolves.toMatchObject({ digest: victim.digest });
  });

  it("is slowed down itself when it limits a layer of an index, and not the push registry", async () => {
    const source = await startFaultyRegistry(registry, ({ method, url }, response) => {
      if (method !== "GET" || !url?.includes("/blobs/")) return false;
      response.writeHead(429, { "Retry-After": "1" }).end();
      return true;
    });
    opened.push(() => source.close());
    const copier = await open("index");
    const name = await registry.push("evil/index", makeIndex());
    const [copy] = sink(copier, [name.replace(registry.host, source.host)]);
    expect(await copy).toMatchObject({ reason: "RateLimited", host: source.host });
    const again = copier.copyNamed(name.replace(registry.host, source.host)).catch((error: unknown) => error);
    const victim = makeImage();
    await expect(copier.copyNamed(await registry.push("shop/other", victim))).resolves.toMatchObject({ digest: victim.digest });
    expect(await again).toMatchObject({ reason: "RateLimited", host: source.host });
  });
});
