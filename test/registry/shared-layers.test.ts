import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTestCopier, type TestCopier } from "../support/copier.ts";
import { type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { digestOf, makeImage, makeLayer } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

const sharedCount = 3;
const imageCount = 4;

requirePrograms("skopeo", "docker-registry")("layers that images share", () => {
  let source: RegistryServer;
  let destination: RegistryServer;
  let proxy: FaultyRegistry | undefined;
  let copier: TestCopier;
  let names: string[];

  beforeEach(async () => {
    [source, destination] = await Promise.all([startRegistry(), startRegistry()]);
    const shared = Array.from({ length: sharedCount }, () => makeLayer());
    const images = Array.from({ length: imageCount }, () => makeImage({ layers: [...shared, makeLayer()] }));
    names = await Promise.all(images.map((image, index) => source.push(`ns/app${index}`, image)));
  });
  afterEach(async () => {
    await copier.remove();
    await Promise.all([source.close(), destination.close(), proxy?.close()]);
    proxy = undefined;
  });

  async function open(fault?: Fault, perRegistry = 8): Promise<void> {
    if (fault) proxy = await startFaultyRegistry(destination, fault);
    copier = await openTestCopier({ pushRegistry: proxy?.host ?? destination.host, perRegistry, patience: 3_600_000 });
  }

  /** Layers and configs that were sent, and those the registry took over from another repository. */
  async function traffic() {
    const requests = await destination.requests();
    return {
      sent: requests.filter(({ method }) => method === "PATCH").length,
      mounted: requests.filter(({ path, status }) => path.includes("mount=") && status === 201).length,
    };
  }

  it("travel once, however many copies start together", async () => {
    await open();
    await Promise.all(names.map((name) => copier.copyNamed(name)));
    const ownLayersAndConfigs = imageCount * 2;
    expect(await traffic()).toEqual({ sent: sharedCount + ownLayersAndConfigs, mounted: sharedCount * (imageCount - 1) });
  });

  it("are carried by the next one when the first copy fails", async () => {
    let failures = 0;
    await open((incoming, response, url) => {
      if (incoming.method !== "POST" || !url.includes("/uploads/") || failures > 0) return false;
      failures++;
      response.writeHead(500).end();
      return true;
    });
    const outcomes = await Promise.allSettled(names.map((name) => copier.copyNamed(name)));
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(copier.outcomes().filter((outcome) => outcome === "copied")).toHaveLength(imageCount - 1);
    expect((await traffic()).mounted).toBeGreaterThanOrEqual(sharedCount * (imageCount - 2));
  });

  it("are sent again when the cache is gone, and every copy still arrives", async () => {
    await open();
    await copier.copyNamed(names[0] ?? "");
    rmSync(join(copier.stateDirectory, "skopeo", "home", "containers"), { recursive: true });
    await Promise.all(names.map((name) => copier.copyNamed(name)));
    expect(copier.outcomes().sort()).toEqual([...Array(imageCount).fill("copied"), "present"]);
  });

  it("are sent to every repository where the registry refuses to mount them", async () => {
    await open((incoming) => {
      incoming.url = incoming.url?.replace(/\?(?:from|mount)=.*/, "");
      return false;
    });
    await Promise.all(names.map((name) => copier.copyNamed(name)));
    expect(await traffic()).toEqual({ sent: imageCount * (sharedCount + 2), mounted: 0 });
    for (const [index] of names.entries()) expect(copier.outcomes()[index]).toBe("copied");
  });

  it.each([
    ["images that share nothing", false, 8],
    ["images that are there already, though no place is free", true, 1],
  ])("do not hold back %s", async (_, present, perRegistry) => {
    const held = makeLayer();
    await open(({ method }, _response, url) => method === "HEAD" && url.includes(digestOf(held)), perRegistry);
    if (present) await copier.copyNamed(names[0] ?? "");
    const controller = new AbortController();
    const stuck = copier.copyNamed(await source.push("ns/stuck", makeImage({ layers: [held] })), controller.signal);
    const ended = expect(stuck).rejects.toThrow("released");
    await proxy?.struck;
    await copier.copyNamed(names[0] ?? "");
    expect(copier.outcomes().at(-1)).toBe(present ? "present" : "copied");
    controller.abort(new Error("released"));
    await ended;
  });
});
