import { describe, expect, it } from "vitest";
import { aBuild } from "../../support/fixtures.ts";
import { buildGroup, shopBuilds, shortly, startCluster } from "../../support/openshift.ts";
import { openWatch } from "../../support/watch-stream.ts";

describe("a watch", () => {
  it("hears of what comes, changes and goes in its namespace, in order", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    api.put("builds", aBuild({ name: "a-1", phase: "New" }));
    api.put("builds", aBuild({ name: "x-1", namespace: "other" }));
    api.put("builds", aBuild({ name: "a-1" }));
    api.remove("builds", "shop", "a-1");
    expect([shortly(await watch.next()), shortly(await watch.next())]).toEqual(["ADDED a-1", "MODIFIED a-1"]);
    const deleted = await watch.next();
    expect(deleted).toMatchObject({
      type: "DELETED",
      object: { status: { phase: "Complete" }, metadata: { resourceVersion: "504" } },
    });
    watch.close();
  });

  it("goes on after the version it names", async () => {
    const { api, list } = await startCluster();
    api.put("builds", aBuild({ name: "a-1" }));
    const { metadata } = await list(shopBuilds);
    api.put("builds", aBuild({ name: "b-1" }));
    const watch = await openWatch(`${api.url}${buildGroup}/builds?watch=1&resourceVersion=${metadata.resourceVersion}`);
    expect(shortly(await watch.next())).toBe("ADDED b-1");
    watch.close();
  });

  it.each(["", "&resourceVersion=0"])("without a version (%j) begins with what there is", async (query) => {
    const { api } = await startCluster();
    api.put("builds", aBuild({ name: "a-1" }));
    const watch = await openWatch(`${api.url}${shopBuilds}?watch=true${query}`);
    api.put("builds", aBuild({ name: "b-1" }));
    expect([shortly(await watch.next()), shortly(await watch.next())]).toEqual(["ADDED a-1", "ADDED b-1"]);
    watch.close();
  });

  it("with a selector takes coming into it for ADDED and leaving it for DELETED", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds, "&fieldSelector=status=Running");
    for (const phase of ["New", "Running", "Complete"]) api.put("builds", aBuild({ name: "a-1", phase }));
    api.put("builds", aBuild({ name: "b-1", phase: "Running" }));
    expect(shortly(await watch.next())).toBe("ADDED a-1");
    expect(await watch.next()).toMatchObject({
      type: "DELETED",
      object: { status: { phase: "Running" }, metadata: { resourceVersion: "503" } },
    });
    expect(shortly(await watch.next())).toBe("ADDED b-1");
    watch.close();
  });

  it("gets no bookmarks it did not ask for", async () => {
    const { api, watchFromNow } = await startCluster({ bookmarkInterval: 5 });
    const [plain, marked] = [await watchFromNow(shopBuilds), await watchFromNow(shopBuilds, "&allowWatchBookmarks=true")];
    expect((await marked.next())?.type).toBe("BOOKMARK");
    api.put("builds", aBuild({ name: "a-1" }));
    expect(shortly(await plain.next())).toBe("ADDED a-1");
    plain.close();
    marked.close();
  });

  it("is closed cleanly after its timeoutSeconds", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds, "&timeoutSeconds=1");
    expect(await watch.next()).toBeUndefined();
    expect(api.openWatches).toBe(0);
  });

  it("is counted until its client goes away", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    expect(api.openWatches).toBe(1);
    watch.close();
    await api.waitFor(({ openWatches }) => openWatches === 0);
  });

  it("that falls behind the kept history is told 410", async () => {
    const { api, list } = await startCluster({ historyLimit: 2 });
    const { metadata } = await list(shopBuilds);
    for (const name of ["a-1", "b-1", "c-1"]) api.put("builds", aBuild({ name }));
    const watch = await openWatch(`${api.url}${shopBuilds}?watch=true&resourceVersion=${metadata.resourceVersion}`);
    expect(await watch.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect(await watch.next()).toBeUndefined();
  });

  it("from before an expiry is told 410, while an open one goes on", async () => {
    const { api, list, watchFromNow } = await startCluster();
    api.put("builds", aBuild({ name: "a-1" }));
    const open = await watchFromNow(shopBuilds);
    const { metadata } = await list(shopBuilds);
    api.expire();
    const late = await openWatch(`${api.url}${shopBuilds}?watch=true&resourceVersion=${metadata.resourceVersion}`);
    api.put("builds", aBuild({ name: "b-1" }));
    expect((await late.next())?.type).toBe("ERROR");
    expect(shortly(await open.next())).toBe("ADDED b-1");
    const again = await watchFromNow(shopBuilds);
    api.put("builds", aBuild({ name: "c-1" }));
    expect(shortly(await again.next())).toBe("ADDED c-1");
    open.close();
    again.close();
  });
});

describe("closing watches", () => {
  it("cleanly ends the stream", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    expect(api.closeWatches("clean")).toBe(1);
    expect(await watch.next()).toBeUndefined();
  });

  it("by reset breaks the connection", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    api.closeWatches("reset");
    await expect(watch.next()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("as expired sends an ERROR event and ends", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    api.closeWatches("expired");
    expect(await watch.next()).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410 } });
    expect(await watch.next()).toBeUndefined();
  });

  it("silently keeps the connection and sends nothing more", async () => {
    const { api, watchFromNow } = await startCluster();
    const [silent, beside] = [await watchFromNow(shopBuilds), await watchFromNow(`${buildGroup}/builds`)];
    expect(api.closeWatches("silent")).toBe(2);
    expect(api.openWatches).toBe(0);
    const heard = silent.next();
    api.put("builds", aBuild({ name: "a-1" }));
    api.bookmark();
    const fresh = await openWatch(`${api.url}${shopBuilds}?watch=true`);
    expect(shortly(await fresh.next())).toBe("ADDED a-1");
    expect(await Promise.race([heard, Promise.resolve("nothing")])).toBe("nothing");
    heard.catch(() => {});
    for (const watch of [silent, beside, fresh]) watch.close();
  });

  it("with garbage sends one line that is no JSON and goes on", async () => {
    const { api, watchFromNow } = await startCluster();
    const watch = await watchFromNow(shopBuilds);
    api.closeWatches("garbage");
    api.put("builds", aBuild({ name: "a-1" }));
    const line = (await watch.nextLine()) ?? "";
    expect(() => JSON.parse(line)).toThrow(SyntaxError);
    expect(shortly(await watch.next())).toBe("ADDED a-1");
    watch.close();
  });
});
