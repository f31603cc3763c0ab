import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkFirstStart } from "../../src/cli/check/first-start.ts";
import type { ClusterProbe } from "../../src/cluster/probe.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openshiftBuilds } from "../../src/sources/openshift-builds.ts";
import { aBuild } from "../support/fixtures.ts";

const never = new AbortController().signal;

/** A cluster with so many ended builds in each of its namespaces; `refused` ones cannot be listed. */
function clusterWith(builds: Readonly<Record<string, number>>, { whole = false, refused = [] as readonly string[] } = {}) {
  const names = Object.keys(builds);
  async function* list<T>(_resource: unknown, namespace: string | undefined, read: (object: unknown) => T): AsyncIterable<T> {
    if (namespace !== undefined && refused.includes(namespace)) throw new Error("forbidden");
    for (const name of namespace === undefined ? names : [namespace])
      for (let number = 1; number <= (builds[name] ?? 0); number += 1)
        yield read(aBuild({ name: `app-${number}`, namespace: name, uid: `${name}-${number}` }));
  }
  return { namespaces: whole ? [undefined] : names, list } as unknown as ClusterProbe;
}

function look(probe: ClusterProbe, environment: Record<string, string> = {}, builds = 5_000) {
  const directory = mkdtempSync(join(tmpdir(), "build-watcher-first-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const { config } = loadConfig({ flags: {}, environment: { BUILD_WATCHER_STATE_DIR: directory, ...environment } });
  return { directory, found: () => checkFirstStart(probe, [openshiftBuilds], config, never, { builds, time: 60_000 }) };
}

it("counts the ended builds that a first start takes in, except in namespaces that it cannot list", async () => {
  const finding = await look(clusterWith({ shop: 2, bank: 3, secret: 9 }, { refused: ["secret"] })).found();
  expect(finding).toMatchObject({ state: "ok", check: "first start" });
  expect(finding.detail).toBe(
    "A bot with an empty ledger also takes in 5 images of builds that have ended already. BUILD_WATCHER_SINCE=now leaves them alone.",
  );
});

it("warns of many, and says that there are more where it stopped to count", async () => {
  const finding = await look(clusterWith({ shop: 200, bank: 300 }), {}, 250).found();
  expect(finding.state).toBe("warns");
  expect(finding.detail).toContain("at least 250 images");
});

it("leaves out what the settings leave out", async () => {
  const probe = clusterWith({ shop: 2, "openshift-web": 3 }, { whole: true });
  expect((await look(probe).found()).detail).toContain("takes in 2 images");
  expect((await look(probe, { BUILD_WATCHER_TRACK: "shop/other" }).found()).detail).toContain("takes in 0 images");
  expect((await look(probe, { BUILD_WATCHER_SINCE: "1s" }).found()).detail).toBe(
    "A bot with an empty ledger also takes in 0 images of builds that ended within BUILD_WATCHER_SINCE=1s.",
  );
});

it("lists nothing where nothing of it would be taken in", async () => {
  const refuses = clusterWith({ shop: 1 }, { refused: ["shop"] });
  expect((await look(refuses, { BUILD_WATCHER_SINCE: "now" }).found()).state).toBe("ok");
  expect((await look(refuses).found()).detail).toBe("Not counted: no builds could be listed.");
  const { directory, found } = look(clusterWith({ shop: 1 }));
  writeFileSync(join(directory, "ledger.db"), "");
  expect(await found()).toMatchObject({ state: "skipped", detail: expect.stringContaining("there is a ledger already") });
});
