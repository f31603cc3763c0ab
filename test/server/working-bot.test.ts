import { expect, it, onTestFinished } from "vitest";
import { openApi } from "../../src/server/openapi/openapi.ts";
import type { StatusJson } from "../../src/server/status.ts";
import { createWorld, type World } from "../support/bot.ts";
import { openEventStream } from "../support/event-stream.ts";
import { recordedBuilds } from "../support/fixtures.ts";
import { digestOf } from "./records.ts";

async function servingBot(world: World, environment: Readonly<Record<string, string>> = {}) {
  const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0", ...environment });
  const started = await bot.logged(({ msg }) => String(msg).startsWith("The page is at"));
  const url = String(started.url);
  const status = async () => (await (await fetch(`${url}/api/status`)).json()) as StatusJson;
  return { bot, url, started, status };
}

it("a running bot shows what it watches, its jobs and the endpoint's state", async () => {
  await using world = await createWorld();
  const { url, status } = await servingBot(world, { BUILD_WATCHER_TRACK: "golang-builder/never-built" });
  await expect.poll(status).toMatchObject({ endpoint: { state: "up" }, ready: true });
  expect(await status()).toMatchObject({
    namespaces: ["golang-builder"],
    lastListAt: expect.any(String),
    jobs: { done: 0 },
  });
  expect(await (await fetch(`${url}/api/tracked`)).json()).toMatchObject({
    tracked: [{ buildConfig: "golang-builder/never-built" }],
  });
  expect(await (await fetch(`${url}/`, { headers: { accept: "text/html" } })).text()).toContain("<bdi>golang-builder</bdi>");
});

it("a working bot takes in an image that a program names, and shows the log of a build", async () => {
  await using world = await createWorld();
  const { url, status } = await servingBot(world);
  const image = `quay.io/org/tool@${digestOf("tool")}`;
  const added = await fetch(`${url}/api/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ image }),
  });
  expect(added.status).toBe(202);
  await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
  await expect.poll(status).toMatchObject({ ready: true });
  const [build] = recordedBuilds();
  world.cluster.setBuildLog("golang-builder", build?.metadata?.name ?? "", "STEP 1/3\nPush successful");
  if (build) world.cluster.put("builds", build);
  await expect.poll(status).toMatchObject({ jobs: { done: 2 } });
  expect((await status()).lastEventAt).toEqual(expect.any(String));
  const { jobs } = (await (await fetch(`${url}/api/jobs?namespace=golang-builder`)).json()) as { jobs: { id: string }[] };
  const page = await fetch(`${url}/jobs/${jobs[0]?.id}?log=1`, { headers: { accept: "text/html" } });
  expect(await page.text()).toContain("Push successful");
});

it("a working bot ends open streams when it is stopped, and exits", async () => {
  await using world = await createWorld();
  const { bot, url } = await servingBot(world);
  const streams = await Promise.all([1, 2, 3].map(() => openEventStream(`${url}/events`)));
  onTestFinished(() => streams.forEach((stream) => void stream.close()));
  await Promise.all(streams.map(({ waitFor }) => waitFor(({ name }) => name === "overview")));
  expect(await bot.stop()).toBe(0);
  await Promise.all(streams.map(({ ended }) => ended));
});

it("a working bot serves probes on the administrators' port and the page on its own", async () => {
  await using world = await createWorld();
  const { url, started } = await servingBot(world, { BUILD_WATCHER_ADMIN_PORT: "0" });
  expect((await fetch(`${started.adminUrl}/livez`)).status).toBe(200);
  expect((await fetch(`${url}/livez`)).status).toBe(404);
  expect((await fetch(`${url}/api/openapi.json`)).status).toBe(200);
});

it("a working bot shows its API token nowhere", async () => {
  await using world = await createWorld();
  const token = "very-secret-token";
  const { bot, url } = await servingBot(world, { BUILD_WATCHER_API_TOKEN: token });
  const paths = ["/", "/nowhere", ...Object.keys(openApi.paths), "/api/openapi.json"];
  const answers = await Promise.all(paths.map(async (path) => (await fetch(url + path)).text()));
  const refused = await fetch(`${url}/api/jobs`, { method: "POST", headers: { authorization: "Bearer wrong" } });
  expect(refused.status).toBe(401);
  await bot.stop();
  expect([...answers, await refused.text(), bot.stdout(), bot.stderr()].join("\n")).not.toContain(token);
});
