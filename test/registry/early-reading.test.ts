import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTestCopier, type TestCopier } from "../support/copier.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

requirePrograms("skopeo", "docker-registry")("what the source says of an image", () => {
  let source: RegistryServer;
  let destination: RegistryServer;
  const opened: FaultyRegistry[] = [];
  let copier: TestCopier;

  beforeEach(async () => {
    [source, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterEach(async () => {
    await copier.remove();
    await Promise.all([...opened.splice(0), source, destination].map((one) => one.close()));
  });

  const asks = ({ method, headers }: IncomingMessage, name: string) =>
    method === name && headers["user-agent"] === "build-watcher";

  /** A copier whose own requests are seen before they are answered. */
  async function open(toSource: () => void, toDestination: (pass: () => void) => void): Promise<FaultyRegistry> {
    const front = await startFaultyRegistry(source, (request, _, url) => {
      if (asks(request, "GET") && url.includes("/manifests/")) toSource();
      return false;
    });
    const behind: FaultyRegistry = await startFaultyRegistry(destination, (request, response, url) => {
      if (!asks(request, "HEAD") || url.includes("passed")) return false;
      toDestination(() => void response.writeHead(307, { Location: `${url}?passed` }).end());
      return true;
    });
    opened.push(front, behind);
    copier = await openTestCopier({ pushRegistry: behind.host });
    return front;
  }

  it("is asked while the push registry still looks for it, when that lacked the image before", async () => {
    const asked = Promise.withResolvers<void>();
    let isSecond = false;
    const heads: (() => void)[] = [];
    const front = await open(
      () => isSecond && asked.resolve(),
      (pass) => (isSecond ? heads.push(pass) : pass()),
    );
    const [first, second] = await Promise.all([source.push("ns/first", makeImage()), source.push("ns/second", makeImage())]);
    await copier.copyNamed(first.replace(source.host, front.host));
    isSecond = true;
    const copy = copier.copyNamed(second.replace(source.host, front.host));
    await asked.promise;
    isSecond = false;
    for (const pass of heads) pass();
    await copy;
    expect(copier.outcomes()).toEqual(["copied", "copied"]);
  });

  it("is not asked for images that are there, one after another", async () => {
    let asked = 0;
    const front = await open(
      () => asked++,
      (pass) => pass(),
    );
    const names = await Promise.all(["a", "b", "c"].map((name) => source.push(`ns/${name}`, makeImage())));
    const copyAll = async () => {
      for (const name of names) await copier.copyNamed(name.replace(source.host, front.host));
    };
    await copyAll();
    expect(asked).toBe(3);
    await copyAll();
    expect(copier.outcomes().slice(3)).toEqual(["present", "present", "present"]);
    expect(asked).toBeLessThanOrEqual(4);
  });

  it("does not matter for an image that is there", async () => {
    let isGone = false;
    const front = await startFaultyRegistry(source, (_, response) => isGone && !!response.writeHead(429).end());
    opened.push(front);
    copier = await openTestCopier({ pushRegistry: destination.host });
    const name = (await source.push("ns/app", makeImage())).replace(source.host, front.host);
    await copier.copyNamed(name);
    isGone = true;
    await copier.copyNamed(name);
    expect(copier.outcomes()).toEqual(["copied", "present"]);
  });
});
