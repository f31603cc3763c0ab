import { expect, it } from "vitest";
import { createWorld } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { digestOf, internalRegistry } from "../support/fixtures.ts";
import { aRun, condition, results } from "../support/runs.ts";
import { imageOf } from "../support/submissions.ts";

const namespace = "shop";
const settings = { BUILD_WATCHER_SOURCES: "tekton", THOTH_BUILD_ANALYSIS_NO_BASE_IMAGE: "1" };

it("a TaskRun that waited for its PipelineRun is submitted though the bot was killed and both were pruned meanwhile", async () => {
  await using world = await createWorld({ namespace, installed: ["tekton.dev"] });
  const pipeline = aRun("PipelineRun", (run) => {
    run.metadata.namespace = namespace;
    Object.assign(run.status, { conditions: condition("Unknown", "Running"), completionTime: undefined });
  });
  const task = aRun("TaskRun", ({ metadata }) => {
    metadata.labels = { "tekton.dev/pipelineRun": pipeline.metadata.name };
  });
  world.cluster.put("pipelineruns", pipeline);
  await using bot = startBotProcess({ ...world.environment, ...settings });
  await world.cluster.waitFor(({ openWatches }) => openWatches === 2);
  world.cluster.put("taskruns", task);
  await bot.logged(({ because, subject }) => because === "owned" && subject === `${namespace}/${task.metadata.name}`);
  await bot.kill("SIGKILL");
  world.cluster.remove("pipelineruns", namespace, pipeline.metadata.name);
  world.cluster.remove("taskruns", namespace, task.metadata.name);
  expect(world.analysis.submissions).toEqual([]);
  const next = world.bot([], settings);
  await next.logged(({ msg }) => msg === "Job done");
  expect(await next.stop()).toBe(0);
  expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining("quay.example.com/shop/cart@sha256:1a79")]);
});

it("a result that names an image of somebody else's namespace gets nobody that image", async () => {
  await using world = await createWorld({ namespace, installed: ["tekton.dev"] });
  const image = `${internalRegistry}/bank/vault`;
  const named = aRun("PipelineRun", (run) => {
    run.metadata.namespace = namespace;
    run.status.results = results({ IMAGE_URL: image, IMAGE_DIGEST: digestOf("vault") });
  });
  world.cluster.put("pipelineruns", named);
  const bot = world.bot([], { ...settings, THOTH_PASS_TOKEN: "1" });
  const line = await bot.logged(({ msg }) => msg === "Job failed");
  expect(line).toMatchObject({ reason: "ForeignNamespace", subject: `${namespace}/${named.metadata.name}` });
  await bot.stop();
  expect(world.analysis.submissions).toEqual([]);
});
