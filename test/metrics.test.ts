import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { createWorld, type World } from "./support/bot.ts";
import { aBuild } from "./support/fixtures.ts";
import { startHttpServer } from "./support/http-server.ts";
import { completedBuild, namespace } from "./support/submissions.ts";

/** A bot with its server, and what its metrics say of one series. */
async function measuredBot(world: World, environment: Readonly<Record<string, string>> = {}) {
  const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0", BUILD_WATCHER_FOLLOW: "0", ...environment });
  const line = await bot.logged(({ url }) => url !== undefined);
  const { url, adminUrl = url } = line as { url: string; adminUrl?: string };
  const metrics = async () => (await fetch(`${adminUrl}/metrics`)).text();
  return { bot, url, adminUrl, metrics };
}

describe("a working bot", () => {
  it("counts what it saw, did and submitted, also under the ancestor's names", async () => {
    await using world = await createWorld();
    const { bot, metrics } = await measuredBot(world);
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    world.cluster.put("builds", completedBuild("app"));
    world.cluster.put("builds", aBuild({ name: "bad-1", namespace, phase: "Failed" }));
    await expect.poll(metrics).toContain('build_watcher_builds_failed_total{source="builds"} 1');
    await bot.logged(({ msg }) => msg === "Job done");
    const text = await metrics();
    for (const line of [
      "build_watcher_image_submission_total 2",
      "build_watcher_build_log_submission_total 1",
      "build_watcher_image_pushed_registry_total 0",
      'build_watcher_info{version="0.0.0-test"} 1',
      'build_watcher_build_events_total{source="builds",type="event",phase="Complete"} 1',
      'build_watcher_oldest_due_age_seconds{kind="submit",analyzer="thoth"} 0',
      'build_watcher_jobs_enqueued_total{kind="submit",analyzer="thoth",result="new"} 1',
      'build_watcher_jobs_finished_total{kind="submit",analyzer="thoth",outcome="done"} 1',
      'build_watcher_jobs_finished_total{kind="submit",analyzer="thoth",outcome="failed"} 0',
      'build_watcher_job_attempts_total{kind="submit",analyzer="thoth",outcome="done",reason=""} 1',
      'build_watcher_http_request_duration_seconds_count{adapter="thoth",method="POST",code="202"} 1',
      "build_watcher_reconcile_duration_seconds_count 1",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(
      /^build_watcher_jobs\{kind="submit",analyzer="thoth",state="done",outcome="(submitted|analysing|analysed)"\} 1$/m,
    );
    const [, seconds] = /^build_watcher_watch_last_event_timestamp_seconds (\S+)$/m.exec(text) ?? [];
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
    expect(text).toContain("process_resident_memory_bytes");
    expect(text).not.toContain("golang-builder");
  });

  it("has metrics and web hooks on the admin port alone, where there is one", async () => {
    await using world = await createWorld();
    const secret = "a-secret-of-some-length";
    const { url, adminUrl } = await measuredBot(world, { BUILD_WATCHER_ADMIN_PORT: "0", BUILD_WATCHER_WEBHOOK_SECRET: secret });
    expect(adminUrl).not.toBe(url);
    const call = (base: string) => fetch(`${base}/webhooks/registry`, { method: "POST" }).then(({ status }) => status);
    expect(await call(adminUrl)).toBe(415);
    expect(await call(url)).toBe(404);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
  });

  it("pushes its metrics to a gateway, and once more when it stops", async () => {
    const pushes: { path: string; body: string }[] = [];
    await using gateway = await startHttpServer(async (request, response) => {
      pushes.push({ path: request.url ?? "", body: await text(request) });
      response.end();
    });
    await using world = await createWorld();
    const bot = world.bot([], {
      PROMETHEUS_PUSHGATEWAY_HOST: "127.0.0.1",
      PROMETHEUS_PUSHGATEWAY_PORT: String(gateway.port),
      THOTH_DEPLOYMENT_NAME: "ocp-test",
    });
    world.cluster.put("builds", completedBuild("app"));
    await bot.logged(({ msg }) => msg === "Job done");
    expect(await bot.stop()).toBe(0);
    expect(pushes.length).toBeGreaterThanOrEqual(2);
    expect(pushes.at(-1)?.path).toBe("/metrics/job/build-watcher/instance/ocp-test");
    expect(pushes.at(-1)?.body).toContain("build_watcher_image_submission_total 2");
  });

  it("works and stops all the same where the gateway is not there, and says so once", async () => {
    await using world = await createWorld();
    const bot = world.bot([], { PROMETHEUS_PUSHGATEWAY_HOST: "127.0.0.1", PROMETHEUS_PUSHGATEWAY_PORT: "1" });
    world.cluster.put("builds", completedBuild("app"));
    await bot.logged(({ msg }) => msg === "Job done");
    expect(await bot.stop()).toBe(0);
    expect(bot.lines.filter(({ gateway }) => gateway === "http://127.0.0.1:1")).toHaveLength(1);
  });
});
