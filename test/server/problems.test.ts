import { expect, it, onTestFinished } from "vitest";
import type { StatusJson } from "../../src/server/status.ts";
import { openPageServer } from "../support/page-server.ts";
import { job } from "./records.ts";

it("names the analyzer that is down, and counts the jobs that wait for it alone", async () => {
  const server = await openPageServer({
    addresses: {
      thoth: { setting: "THOTH_USER_API_HOST", host: "api.example" },
      "dependency-track": { setting: "BUILD_WATCHER_DEPENDENCY_TRACK_URL", host: "dt.example" },
    },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  for (const name of ["shop/web-1", "shop/web-2", "shop/web-3"]) {
    const first = job(name);
    await server.queue.add(first);
    if (name === "shop/web-3") continue;
    await server.queue.add({ ...first, id: `${first.id}-track`, group: first.id, analyzer: "dependency-track" });
  }
  server.activity.discovered("thoth");
  server.activity.discovered("dependency-track", "connect ECONNREFUSED");

  const status = (await (await server.get("/api/status")).json()) as StatusJson;
  expect(status.problems).toEqual([
    expect.objectContaining({
      kind: "endpoint",
      title: "Analysis endpoint dt.example (dependency-track) accepts no submissions",
      detail: "connect ECONNREFUSED",
      remedy: expect.stringContaining("BUILD_WATCHER_DEPENDENCY_TRACK_URL"),
      analyzer: "dependency-track",
      waiting: 2,
    }),
  ]);
  const page = await (await server.get("/")).text();
  expect(page).toContain("dependency-track down");
  const link = /<a href="([^"]+)">Show them<\/a>/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect(new URL(link, server.url).search).toBe("?outcome=waiting&analyzer=dependency-track");
});
