import { describe, expect, it } from "vitest";
import { openTestCluster, type TestClusterTraits, token } from "../../cluster/test-cluster.ts";
import { aBuild } from "../../support/fixtures.ts";

const signal = new AbortController().signal;
const key = { namespace: "shop", name: "app-1" };

async function openWithLog(phase: string, log: string, traits: TestClusterTraits = {}) {
  const opened = await openTestCluster(traits);
  opened.api.put("builds", aBuild({ ...key, phase }));
  opened.api.setBuildLog(key.namespace, key.name, log);
  return opened;
}

/** Reads in the background. */
function read(pieces: AsyncIterable<Uint8Array>): { readonly text: () => string; readonly ended: Promise<void> } {
  const chunks: Uint8Array[] = [];
  const ended = (async () => {
    for await (const piece of pieces) chunks.push(piece);
  })();
  return { text: () => Buffer.concat(chunks).toString(), ended };
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const reading = read(pieces);
  await reading.ended;
  return reading.text();
}

describe("a log that is streamed", () => {
  it("is what there is by now, also while the build runs", async () => {
    const { cluster } = await openWithLog("Running", "one\n");
    expect(await textOf(cluster.streamBuildLog(key, false, signal))).toBe("one\n");
  });

  it("is nothing before the build has started", async () => {
    const { cluster } = await openWithLog("Pending", "");
    expect(await textOf(cluster.streamBuildLog(key, false, signal))).toBe("");
  });
});

describe("a log that is followed", () => {
  it("waits for the build to start, and ends with it", async () => {
    const { api, cluster } = await openWithLog("Pending", "one\n");
    const text = textOf(cluster.streamBuildLog(key, true, signal));
    await api.waitFor(({ requests }) => requests.length === 1);
    api.put("builds", aBuild({ ...key, phase: "Running" }));
    await api.waitFor(({ openLogs }) => openLogs === 1);
    api.setBuildLog(key.namespace, key.name, "one\ntwo\n");
    api.put("builds", aBuild(key));
    expect(await text).toBe("one\ntwo\n");
  });

  it.each([
    [400, "unable to wait for build app-1 to run: timed out waiting for the condition"],
    [504, "Timeout: timed out waiting for build app-1 to start after 30s"],
  ])("waits on when the server has waited long enough: %d %s", async (code, message) => {
    const { api, cluster } = await openWithLog("Complete", "one\n");
    api.fail("log", { status: code, body: { kind: "Status", code, message } }, 12);
    expect(await textOf(cluster.streamBuildLog(key, true, signal))).toBe("one\n");
  });

  it.each(["reset", "clean"] as const)("goes on where it was when the connection ends (%s), nothing twice", async (how) => {
    const { api, cluster } = await openWithLog("Running", "one\ntw");
    const reading = read(cluster.streamBuildLog(key, true, signal));
    const written = ["one\ntw", "one\ntwo\nthr", "one\ntwo\nthree\n"];
    for (const text of written) {
      api.setBuildLog(key.namespace, key.name, text);
      await expect.poll(reading.text).toBe(text);
      api.closeLogs(how);
      await api.waitFor(({ openLogs }) => openLogs === 0);
    }
    api.put("builds", aBuild(key));
    await reading.ended;
    expect(reading.text()).toBe(written.at(-1));
  });

  it("is over when its pod is gone after a break", async () => {
    const { api, cluster } = await openWithLog("Running", "one\n");
    const reading = read(cluster.streamBuildLog(key, true, signal));
    await expect.poll(reading.text).toBe("one\n");
    api.fail("log", { status: 400, body: { kind: "Status", code: 400, message: 'pod "app-1-build" not found' } });
    api.closeLogs("clean");
    await reading.ended;
    expect(reading.text()).toBe("one\n");
  });

  it("ends with the signal", async () => {
    const { api, cluster } = await openWithLog("Running", "one\n");
    const stop = new AbortController();
    const text = textOf(cluster.streamBuildLog(key, true, stop.signal));
    await api.waitFor(({ openLogs }) => openLogs === 1);
    stop.abort();
    expect(["", "one\n"]).toContain(await text);
    await api.waitFor(({ openLogs }) => openLogs === 0);
  });
});

describe("where there is no log", () => {
  it.each([
    ["Cancelled", "There is no log for the Build shop/app-1 (build app-1 was cancelled. No logs are available.)"],
    ["Error", "There is no log for the Build shop/app-1 (build app-1 is in an error state. No logs are available.)"],
  ])("as of a build that is %s, it says why", async (phase, message) => {
    const { cluster } = await openWithLog(phase, "");
    for (const follow of [true, false]) {
      await expect(textOf(cluster.streamBuildLog(key, follow, signal))).rejects.toThrow(message);
    }
  });

  it("since there is no build, it says so", async () => {
    const { cluster } = await openTestCluster();
    await expect(textOf(cluster.streamBuildLog(key, true, signal))).rejects.toThrow(
      "There is no Build shop/app-1: oc get builds -n",
    );
  });

  it("for want of a right, it names the grant", async () => {
    const { cluster } = await openWithLog("Complete", "one\n", { api: { tokens: { [token]: "dev" }, rules: [] } });
    await expect(textOf(cluster.streamBuildLog(key, false, signal))).rejects.toThrow(
      "oc policy add-role-to-user view dev -n shop",
    );
  });

  it("because the server fails, it is asked a few times", async () => {
    const { api, cluster } = await openWithLog("Complete", "one\n");
    api.fail("log", { status: 503 }, 3);
    expect(await textOf(cluster.streamBuildLog(key, true, signal))).toBe("one\n");
    api.fail("log", { status: 503 }, Number.POSITIVE_INFINITY);
    await expect(textOf(cluster.streamBuildLog(key, true, signal))).rejects.toThrow("cannot serve builds/log");
  });
});
