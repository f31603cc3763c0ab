import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createWorld, startBot } from "./support/bot.ts";
import { startBotProcess } from "./support/bot-process.ts";
import { makeFileLayer } from "./support/layers.ts";
import { startOddRegistry } from "./support/odd-registry.ts";
import { describePostgres, sharedPostgres } from "./support/postgres.ts";
import { digestOf, makeImage } from "./support/registry-images.ts";
import { completedBuild } from "./support/submissions.ts";

const status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n";
const files = { "etc/os-release": 'ID=debian\nVERSION_ID="12"\n', "var/lib/dpkg/status": status };

/** A cluster and a registry, with nothing to submit images to. */
async function alone() {
  const world = await createWorld();
  onTestFinished(() => world[Symbol.asyncDispose]());
  const registry = await startOddRegistry();
  onTestFinished(() => registry[Symbol.asyncDispose]());
  const layer = await makeFileLayer(files);
  const environment = { ...world.environment, THOTH_USER_API_HOST: "", THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1" };
  return {
    ...{ world, registry, layer, environment },
    complete(name: string) {
      const image = makeImage({ layers: [layer] });
      registry.put(`shop/${name}`, image);
      const output = { kind: "DockerImage" as const, name: `${registry.host}/shop/${name}:latest` };
      const build = completedBuild(name, { digest: image.digest, output, outputReference: output.name, base: null });
      world.cluster.put("builds", build);
    },
    /** What the command answers to a question for packages. */
    async ask(question: string, more: Record<string, string> = {}) {
      const asking = startBot(["packages", question, "--json"], { ...environment, ...more });
      await asking.exit;
      return JSON.parse(asking.stdout()) as { groups: readonly object[]; coverage: object };
    },
  };
}

it("a bot without a service says in one line what it does, and does it", async () => {
  const { world, complete, ask } = await alone();
  const bot = world.bot(["-n", "golang-builder"], { THOTH_USER_API_HOST: "", THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1" });
  await bot.logged(
    ({ msg }) =>
      msg === "The bot reads the packages of each image; set THOTH_USER_API_HOST to submit images to an analysis service",
  );
  complete("app");
  expect(await bot.logged(({ msg }) => msg === "Job done")).toMatchObject({
    analyzer: "packages",
    subject: expect.stringContaining("app-1"),
  });
  expect(bot.lines.filter(({ msg }) => String(msg).includes("THOTH_USER_API_HOST"))).toHaveLength(1);
  expect(await ask("bash@>=5")).toMatchObject({ groups: [{ newest: { build: "app-1" } }], coverage: { complete: 1 } });
});

it("a bot that is killed while it reads keeps nothing half read, and reads on when it is started again", async () => {
  const { registry, layer, environment, complete, ask } = await alone();
  const half = Promise.withResolvers<void>();
  registry.oddity = (_, response, url) => {
    if (!url.endsWith(digestOf(layer))) return false;
    response.writeHead(200, { "Content-Length": layer.length });
    response.write(layer.subarray(0, layer.length - 10), () => half.resolve());
    return true;
  };
  complete("app");
  await using first = startBotProcess(environment);
  await half.promise;
  await first.kill("SIGKILL");
  expect(await ask("bash")).toEqual({ groups: [], more: false, coverage: { complete: 0, partial: 0, unknown: 0 } });
  registry.oddity = () => false;
  await using second = startBotProcess(environment);
  await second.logged(({ msg }) => msg === "Job done");
  expect(await second.kill("SIGTERM")).toMatchObject({ code: 0 });
  expect(await ask("bash")).toMatchObject({ groups: [{ newest: { build: "app-1" } }], coverage: { complete: 1 } });
});

it("a layer of other bytes than its digest says ends the job with that reason", async () => {
  const { world, registry, layer, environment, complete, ask } = await alone();
  const forged = await makeFileLayer({ ...files, "var/lib/dpkg/status": status.replace("5.2-1", "6.6-6") });
  registry.oddity = (_, response, url) => {
    if (!url.endsWith(digestOf(layer))) return false;
    response.end(Buffer.concat([forged, Buffer.alloc(1_000)]).subarray(0, layer.length));
    return true;
  };
  complete("app");
  const bot = world.bot([], environment);
  const line = await bot.logged(({ reason }) => reason === "ImageDamaged");
  expect(line).toMatchObject({ subject: expect.stringContaining("app-1"), analyzer: "packages" });
  await bot.stop();
  expect((await ask("bash")).groups).toEqual([]);
  const jobs = startBot(["jobs", "--json"], environment);
  await jobs.exit;
  expect(JSON.parse(jobs.stdout())).toMatchObject({ state: "failed", error: { reason: "ImageDamaged" } });
});

describePostgres("bots on one database", () => {
  it("know the packages of an image that another has read", async () => {
    const database = await (await sharedPostgres()).createDatabase();
    const { world, environment, complete, ask } = await alone();
    const replica = async () => {
      const directory = await mkdtemp(join(tmpdir(), "build-watcher-replica-"));
      onTestFinished(() => rm(directory, { recursive: true, force: true }));
      return { BUILD_WATCHER_DATABASE_URL: database.url, BUILD_WATCHER_STATE_DIR: directory };
    };
    const bot = world.bot([], { ...environment, ...(await replica()) });
    complete("app");
    await bot.logged(({ msg }) => msg === "Job done");
    expect(await ask("bash@>=5", await replica())).toMatchObject({
      groups: [{ newest: { build: "app-1" } }],
      coverage: { complete: 1 },
    });
    expect(await bot.stop()).toBe(0);
  });
});
