import { describe, expect, it } from "vitest";
import { notStarted } from "../../../src/demo/openshift/streams/build-log.ts";
import { aBuild } from "../../support/fixtures.ts";
import { shopBuilds, startCluster } from "../../support/openshift.ts";

describe("a build log", () => {
  const log = `${shopBuilds}/app-1/log`;

  it.each([
    ["", "one\ntwo\nthree\n"],
    ["?tailLines=2", "two\nthree\n"],
    ["?tailLines=0", ""],
    ["?limitBytes=5", "one\nt"],
    ["?tailLines=1&limitBytes=3", "thr"],
    ["?nowait=true", "one\ntwo\nthree\n"],
  ])("with %j is %j", async (query, expected) => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.setBuildLog("shop", "app-1", "one\ntwo\nthree\n");
    const response = await ask(log + query);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await response.text()).toBe(expected);
  });

  it("that nobody set tells what a builder tells", async () => {
    const { api, ask } = await startCluster();
    const build = aBuild({ name: "app-1" });
    api.put("builds", build);
    expect(await (await ask(log)).text()).toContain(`shop/app@${build.status?.output?.to?.imageDigest}`);
  });

  it.each([
    ["Cancelled", 400, "build app-1 was cancelled. No logs are available."],
    ["Error", 400, "build app-1 is in an error state. No logs are available."],
  ])("of a build that is %s is an error", async (phase, status, message) => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1", phase }));
    const response = await ask(log);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ kind: "Status", reason: "BadRequest", message });
  });

  it("whose pod is gone is the error that was set", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.setBuildLog("shop", "app-1", { status: 400, message: 'pod "app-1-build" not found' });
    expect(await (await ask(log)).json()).toMatchObject({ code: 400, message: 'pod "app-1-build" not found' });
  });

  it("of a build that is gone is 404, also when it comes again with its name", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.setBuildLog("shop", "app-1", "old\n");
    api.remove("builds", "shop", "app-1");
    expect((await ask(log)).status).toBe(404);
    api.put("builds", aBuild({ name: "app-1", uid: "another" }));
    expect(await (await ask(log)).text()).not.toContain("old");
  });

  it("of a build not started is empty with nowait, else waited for", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1", phase: "Pending" }));
    api.setBuildLog("shop", "app-1", "begun\n");
    const early = await ask(`${log}?nowait=true`);
    expect([early.status, await early.text()]).toEqual([204, ""]);
    const waiting = ask(log);
    await api.waitFor(({ requests }) => requests.length === 2);
    api.put("builds", aBuild({ name: "app-1", phase: "Running" }));
    expect(await (await waiting).text()).toBe("begun\n");
  });

  it("of a build that did not start in half a minute is an error in the words of the real server", () => {
    expect(notStarted({ name: "app-1" }).body).toMatchObject({
      code: 400,
      message: "unable to wait for build app-1 to run: timed out waiting for the condition",
    });
  });

  it("whose pod is gone is none", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.setBuildLog("shop", "app-1", { pod: "gone" });
    const response = await ask(log);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: 'pods "app-1-build" not found' });
  });

  it("without end goes on beyond every limit until the client leaves", async () => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.setBuildLog("shop", "app-1", { endless: true });
    const response = await ask(`${log}?limitBytes=10`);
    let bytes = 0;
    for await (const piece of response.body ?? []) {
      bytes += piece.length;
      if (bytes > 5_000_000) break;
    }
    expect(bytes).toBeGreaterThan(5_000_000);
  });
});
