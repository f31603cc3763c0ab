import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { type LeapingClock, leapingClock } from "../support/fast-clock.ts";
import { requirePrograms } from "../support/programs.ts";
import { digestOf, type MadeImage, makeImage, makeIndex } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { imageOf } from "../support/submissions.ts";

const secret = randomBytes(16).toString("hex");

async function hookedBot(world: World, clock?: LeapingClock): Promise<string> {
  const environment = {
    BUILD_WATCHER_SERVER: "1",
    PORT: "0",
    BUILD_WATCHER_WEBHOOK_SECRET: secret,
    THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
  };
  const { url } = await world.bot([], environment, clock).logged((line) => line.url !== undefined);
  return String(url);
}

async function open(tell?: (url: string) => { url: string; headers: Record<string, string[]> }) {
  const world = await createWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
  const clock = leapingClock();
  const url = await hookedBot(world, clock);
  const registry = await startRegistry(tell ? { notify: tell(url) } : {});
  onTestFinished(() => registry.close());
  const call = async (body: unknown) => {
    const headers = { authorization: secret, "content-type": "application/json" };
    const answer = await fetch(`${url}/webhooks/registry`, { method: "POST", headers, body: JSON.stringify(body) });
    return answer.status;
  };
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  return { world, clock, registry, call, metrics };
}

/** Milliseconds in which an image without a tag may prove to be a part of another. */
const wholeWithin = 10_000;

const submitted = ({ analysis }: World) => analysis.submissions.map(imageOf).toSorted();

/** What cosign and others push beside an image, in the clothes of one. */
function makeArtifact(layer: string): MadeImage {
  const image = makeImage();
  const { config, layers } = JSON.parse(image.manifest.toString()) as { config: object; layers: readonly object[] };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const fields = {
    schemaVersion: 2,
    mediaType,
    config: { ...config, mediaType: "application/vnd.oci.image.config.v1+json" },
    layers: layers.map((one) => ({ ...one, mediaType: layer })),
  };
  const manifest = Buffer.from(JSON.stringify(fields));
  return { ...image, mediaType, manifest, digest: digestOf(manifest) };
}

const signature = () => makeArtifact("application/vnd.dev.cosign.simplesigning.v1+json");
const attestation = () => makeArtifact("application/vnd.in-toto+json");

/** A push as Harbor tells of it: a body for each manifest, the digest in the tag's place where there is none. */
function harborTells({ host }: RegistryServer, digest: string, tag?: string): unknown {
  const resource = { digest, tag: tag ?? digest, resource_url: `${host}/shop/app${tag ? `:${tag}` : `@${digest}`}` };
  return { type: "PUSH_ARTIFACT", event_data: { resources: [resource], repository: { name: "app", namespace: "shop" } } };
}

requirePrograms("docker-registry")("one push is one job", () => {
  it("if a registry reports each manifest alone; an untagged image by itself is one job, too", async () => {
    const { world, clock, registry, metrics } = await open((url) => ({
      url: `${url}/webhooks/registry`,
      headers: { Authorization: [`Bearer ${secret}`] },
    }));
    const whole = await registry.push("shop/app", makeIndex(["amd64", "arm64", "s390x"]), "1.0");
    const alone = await registry.push("shop/tool", makeImage());
    await registry.push("shop/app", signature());
    await expect.poll(metrics).toContain('webhook_images_total{hook="registry",result="new"} 6');
    clock.leap(wholeWithin);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 2);
    expect(submitted(world)).toEqual([whole, alone].toSorted());
  });

  it("if Harbor reports each of them, even an attestation, without naming the index", async () => {
    const { world, clock, registry, call, metrics } = await open();
    const index = makeIndex();
    const extra = attestation();
    const whole = await registry.push("shop/app", index, "1.0");
    await registry.push("shop/app", extra);
    for (const { digest } of [...index.children, extra]) expect(await call(harborTells(registry, digest))).toBe(202);
    expect(await call(harborTells(registry, index.digest, "1.0"))).toBe(202);
    clock.leap(wholeWithin);
    await expect.poll(metrics).toMatch(/build_watcher_jobs\{[^}]*outcome="done"[^}]*\} 3/);
    expect(submitted(world)).toEqual([whole]);
  });
});

describe("a sender's question whether it may send", () => {
  it("is answered as Event Grid and CloudEvents expect, and lets nothing else in", async () => {
    const world = await createWorld();
    onTestFinished(() => world[Symbol.asyncDispose]());
    const hook = `${await hookedBot(world)}/webhooks/registry`;
    const asked = [{ eventType: "Microsoft.EventGrid.SubscriptionValidationEvent", data: { validationCode: "512d38b6" } }];
    const post = (query: string) =>
      fetch(`${hook}${query}`, {
        method: "POST",
        headers: { "content-type": "application/json", "aeg-event-type": "SubscriptionValidation" },
        body: JSON.stringify(asked),
      });
    const answer = await post(`?token=${secret}`);
    expect([answer.status, await answer.json()]).toEqual([200, { validationResponse: "512d38b6" }]);
    expect((await post("")).status).toBe(401);
    const headers = { "webhook-request-origin": "eventgrid.azure.net", "webhook-request-rate": "120" };
    const allowed = await fetch(hook, { method: "OPTIONS", headers });
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get("webhook-allowed-origin")).toBe("eventgrid.azure.net");
    expect(allowed.headers.get("webhook-allowed-rate")).toBe("*");
    expect((await fetch(hook, { method: "OPTIONS" })).status).toBe(405);
  });
});
