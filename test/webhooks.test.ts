import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { openEmbeddedQueue } from "../src/queue/index.ts";
import { createWorld, type World } from "./support/bot.ts";
import { startBotProcess } from "./support/bot-process.ts";
import { type LeapingClock, leapingClock } from "./support/fast-clock.ts";
import { startHttpServer } from "./support/http-server.ts";
import { requirePrograms } from "./support/programs.ts";
import { makeImage } from "./support/registry-images.ts";
import { type RegistryOptions, startRegistry } from "./support/registry-server.ts";
import { imageOf } from "./support/submissions.ts";

const secret = randomBytes(16).toString("hex");

/** A bot that takes web hooks, and where; both ports are the system's choice. */
async function hookedBot(world: World, environment: Readonly<Record<string, string>> = {}, clock?: LeapingClock) {
  const hooked = { BUILD_WATCHER_SERVER: "1", PORT: "0", BUILD_WATCHER_WEBHOOK_SECRET: secret, ...environment };
  const bot = world.bot([], hooked, clock);
  const { url } = await bot.logged(({ url }) => url !== undefined);
  return { bot, url: String(url) };
}

async function registryThatNotifies(url: string, options: RegistryOptions = {}) {
  const notify = { url: `${url}/webhooks/registry`, headers: { Authorization: [`Bearer ${secret}`] } };
  const registry = await startRegistry({ ...options, notify });
  onTestFinished(() => registry.close());
  return registry;
}

/** Milliseconds in which an image without a tag may prove to be a part of another. */
const wholeWithin = 10_000;

const submitted = (world: World) => world.analysis.submissions.map(imageOf);

requirePrograms("docker-registry")("a real docker-registry", () => {
  it("tells the bot of pushed images, each of which is submitted once", async () => {
    await using world = await createWorld();
    const clock = leapingClock();
    const { bot, url } = await hookedBot(world, {}, clock);
    const registry = await registryThatNotifies(url);
    const image = makeImage();
    const first = await registry.push("shop/app", image, "1.0");
    const second = await registry.push("shop/app", makeImage());
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await expect.poll(metrics).toContain('webhook_images_total{hook="registry",result="new"} 2');
    clock.leap(wholeWithin);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 2);
    expect(submitted(world).toSorted()).toEqual([first, second].toSorted());
    await registry.push("shop/app", image, "1.1");
    const third = await registry.push("bank/app", makeImage(), "latest");
    await expect.poll(() => submitted(world)).toContain(third);
    expect(submitted(world)).toHaveLength(3);
    expect(bot.stdout()).not.toContain(secret);
  });

  it("finds what it told of kept when the bot is killed at once", async () => {
    await using world = await createWorld();
    world.analysis.down();
    await using bot = startBotProcess({
      ...world.environment,
      BUILD_WATCHER_SERVER: "1",
      PORT: "0",
      BUILD_WATCHER_WEBHOOK_SECRET: secret,
    });
    const { url } = await bot.logged((line) => line.url !== undefined);
    const registry = await registryThatNotifies(String(url));
    const image = await registry.push("shop/app", makeImage(), "1.0");
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await expect.poll(metrics).toContain('webhook_images_total{hook="registry",result="new"} 1');
    await bot.kill("SIGKILL");
    const settings = { directory: world.stateDirectory, workers: 1, jobTimeout: 1, giveUpAfter: 1, exclusive: false };
    const queue = openEmbeddedQueue(settings);
    expect((await queue.recent(5)).map(({ job }) => job.cause)).toEqual(["webhook"]);
    await queue.close();
    world.analysis.up();
    const next = world.bot();
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(submitted(world)).toEqual([image]);
    await next.stop();
  });
});

requirePrograms("docker-registry", "skopeo")("a push registry that notifies", () => {
  it("tells of the bot's own copies, which are left alone; other images in it are not", async () => {
    await using world = await createWorld();
    const relay = await startRelay();
    const target = await registryThatNotifies(relay.url);
    const source = await startRegistry();
    onTestFinished(() => source.close());
    const clock = leapingClock();
    const copying = {
      THOTH_PUSH_REGISTRY: `${target.host}/copies`,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
      BUILD_WATCHER_WEBHOOK_REPOSITORIES: "*/shop/*,*/copies/*",
    };
    const { url } = await hookedBot(world, copying, clock);
    relay.leadTo(url);
    const image = makeImage();
    await source.push("shop/app", image, "1");
    const event = { action: "push", target: { mediaType: image.mediaType, repository: "shop/app", digest: image.digest } };
    await fetch(`${url}/webhooks/registry?token=${secret}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events: [{ ...event, request: { host: source.host } }] }),
    });
    clock.leap(wholeWithin);
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(submitted(world)).toEqual([`${target.host}/copies/${nameAt(source)}_shop_app@${image.digest}`]);
    await target.push("bank/app", makeImage(), "1");
    const other = makeImage();
    await target.push("shop/other", other, "1");
    await world.analysis.waitFor(({ submissions }) => submissions.length === 2);
    expect(submitted(world)[1]).toBe(`${target.host}/copies/${nameAt(target)}_shop_other@${other.digest}`);
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await expect.poll(metrics).toMatch(/webhook_images_total\{hook="registry",result="ignored"\} [1-9]/);
    expect(await metrics()).toContain('webhook_images_total{hook="registry",result="new"} 2');
  });
});

/** Passes requests on to a server that starts later, and answers 502 once it is gone. */
async function startRelay() {
  const { promise: goal, resolve: leadTo } = Promise.withResolvers<string>();
  const server = await startHttpServer(async (request, response) => {
    const { authorization = "", "content-type": type = "" } = request.headers;
    const body = await text(request);
    const answer = await fetch(`${await goal}${request.url}`, {
      method: "POST",
      headers: { authorization, "content-type": type },
      body,
    });
    response.writeHead(answer.status).end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { url: server.url, leadTo };
}

it("an image named by a tag is submitted again whenever it is pushed again", async () => {
  await using world = await createWorld();
  const { url } = await hookedBot(world);
  const body = JSON.stringify({ docker_url: "quay.io/shop/app", updated_tags: ["latest"] });
  const headers = { "content-type": "application/json" };
  const push = () => fetch(`${url}/webhooks/registry?token=${secret}`, { method: "POST", headers, body });
  for (const number of [1, 2]) {
    await expect.poll(async () => (await push()).status).toBe(202);
    await world.analysis.waitFor(({ submissions }) => submissions.length >= number);
  }
  expect(new Set(submitted(world))).toEqual(new Set(["quay.io/shop/app:latest"]));
});

/** How the names of copies begin whose images lie in a registry outside the cluster. */
function nameAt({ host }: { readonly host: string }): string {
  return host.replace(":", "-");
}
