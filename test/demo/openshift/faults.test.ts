import { Agent, get } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { aBuild } from "../../support/fixtures.ts";
import { shopBuilds, startCluster } from "../../support/openshift.ts";

describe("faults", () => {
  it.each([
    ["list", shopBuilds],
    ["watch", `${shopBuilds}?watch=true`],
    ["get", `${shopBuilds}/app-1`],
    ["log", `${shopBuilds}/app-1/log`],
    ["any", "/version"],
  ] as const)("on %s meet the next such request, once", async (on, path) => {
    const { api, ask } = await startCluster();
    api.put("builds", aBuild({ name: "app-1" }));
    api.fail(on, { status: 503 });
    const [failed, fine] = [await ask(path), await ask(path)];
    expect([failed.status, fine.status]).toEqual([503, 200]);
    expect(await failed.json()).toMatchObject({ kind: "Status", code: 503, reason: "ServiceUnavailable" });
    await fine.body?.cancel();
  });

  it("leave other requests alone", async () => {
    const { api, ask } = await startCluster();
    api.fail("watch", { status: 500 });
    expect((await ask(shopBuilds)).status).toBe(200);
  });

  it("carry their own body and headers, as often as told", async () => {
    const { api, ask } = await startCluster();
    api.fail("list", { status: 429, body: "slow down", headers: { "retry-after": "7" } }, 2);
    for (const _ of [1, 2]) {
      const response = await ask(shopBuilds);
      expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([429, "7", "slow down"]);
    }
    expect((await ask(shopBuilds)).status).toBe(200);
  });

  it("for ever last until they are healed", async () => {
    const { api, ask } = await startCluster();
    api.fail("any", { status: 500 }, Number.POSITIVE_INFINITY);
    expect((await ask(shopBuilds)).status).toBe(500);
    expect((await ask(shopBuilds)).status).toBe(500);
    api.heal();
    expect((await ask(shopBuilds)).status).toBe(200);
  });

  it("reset the connection", async () => {
    const { api, ask } = await startCluster();
    api.fail("list", "reset");
    await expect(ask(shopBuilds)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
  });

  it.each(["hang", "hang-body"] as const)("%s until the client gives up, and are recorded", async (fault) => {
    const { api, ask } = await startCluster();
    api.fail("list", fault);
    const client = new AbortController();
    const answer = ask(shopBuilds, { signal: client.signal }).then((response) => response.text());
    await api.waitFor(({ requests }) => requests.length === 1 && (fault === "hang" || requests[0]?.status === 200));
    client.abort();
    await expect(answer).rejects.toThrow("aborted");
    expect(api.requests[0]?.status).toBe(fault === "hang" ? undefined : 200);
  });

  it("that hang do not keep the server from closing", async () => {
    const { api, ask } = await startCluster();
    api.fail("list", "hang");
    const answer = ask(shopBuilds);
    await api.waitFor(({ requests }) => requests.length === 1);
    const [closed] = await Promise.allSettled([answer, api.close()]);
    expect(closed.status).toBe("rejected");
  });
});

describe("what it remembers", () => {
  it("is every request with its meaning", async () => {
    const { api, ask } = await startCluster({ tokens: { secret: "bot" } });
    await ask(`${shopBuilds}?limit=5`, { headers: { authorization: "Bearer secret" } });
    expect(api.requests).toEqual([
      {
        method: "GET",
        path: shopBuilds,
        query: { limit: "5" },
        verb: "list",
        apiGroup: "build.openshift.io",
        resource: "builds",
        namespace: "shop",
        user: "bot",
        token: "secret",
        status: 200,
      },
    ]);
  });

  it("is how many connections there were: kept ones count once", async () => {
    const { api } = await startCluster();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (const _ of [1, 2, 3]) {
      await new Promise((resolve) => get(`${api.url}/version`, { agent }, (response) => response.resume().on("end", resolve)));
    }
    expect([api.connections, api.requests.length]).toEqual([1, 3]);
  });

  it("fails those who wait for what never came when it is closed", async () => {
    const { api } = await startCluster();
    const waiting = api.waitFor(({ openWatches }) => openWatches > 0);
    await api.close();
    await expect(waiting).rejects.toThrow("closed before");
  });

  it("hands a throwing condition to the one who waits", async () => {
    const { api } = await startCluster();
    const failing = api.waitFor(() => {
      throw new Error("bad condition");
    });
    await expect(failing).rejects.toThrow("bad condition");
  });
});
