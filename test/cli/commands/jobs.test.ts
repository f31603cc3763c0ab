import { expect, it } from "vitest";
import { createWorld } from "../../support/bot.ts";
import { digestOf } from "../../support/fixtures.ts";
import { aRun, type RunObject, results } from "../../support/runs.ts";

const namespace = "shop";
const prefix = "build-watcher.thoth-station.ninja/";

it("several images of one run have their own lines, annotations and retries; its own name means all of them", async () => {
  await using world = await createWorld({ namespace, installed: ["tekton.dev"] });
  const [api, web] = [digestOf("api"), digestOf("web")];
  const run = aRun("PipelineRun", ({ metadata, status }) => {
    Object.assign(metadata, { namespace, name: "matrix" });
    status.results = results({ IMAGE_URL: ["quay.io/shop/api", "quay.io/shop/web"], IMAGE_DIGEST: [api, web] });
  });
  world.cluster.put("pipelineruns", run);
  for (const digest of [api, web]) world.analysis.unreadable(`quay.io/shop/${digest === api ? "api" : "web"}@${digest}`, "gone");
  const bot = world.bot(["--no-base"], { BUILD_WATCHER_ANNOTATE: "1" });
  const names = [`shop/matrix#1:api@${api.slice(7, 19)}`, `shop/matrix#2:web@${web.slice(7, 19)}`] as const;
  for (const name of names) await bot.logged(({ msg, subject }) => msg === "Job failed" && subject === name);
  const annotations = () => (world.cluster.get("pipelineruns", namespace, "matrix") as RunObject).metadata.annotations;
  await expect.poll(annotations).toMatchObject({
    [`${prefix}image-1-state`]: "failed",
    [`${prefix}image-2-state`]: "failed",
    [`${prefix}image-2-name`]: `quay.io/shop/web@${web}`,
  });
  expect(await bot.stop()).toBe(0);

  const jobs = async (...argv: readonly string[]) => {
    const command = world.bot(["jobs", ...argv], { COLUMNS: "200" });
    await command.exit;
    return command.stdout();
  };
  const lines = (await jobs()).split("\n").filter((line) => line.startsWith("failed"));
  for (const name of names) expect(lines.filter((line) => line.includes(name))).toHaveLength(1);
  expect((await jobs("retry", names[1])).match(/is retried/g)).toHaveLength(1);
  expect((await jobs("dismiss", "shop/matrix")).match(/is dismissed/g)).toHaveLength(2);
});
