import { describe, expect, it, onTestFinished } from "vitest";
import { resourceName } from "../../src/cluster/api/paths.ts";
import { rightName } from "../../src/cluster/rights.ts";
import type { InstalledGroup, ResourceName } from "../../src/demo/openshift/objects/resource-kinds.ts";
import type { RecordedRequest } from "../../src/demo/openshift-api.ts";
import { buildSystems } from "../../src/sources/index.ts";
import { readingRights, templateOf } from "../../src/sources/rights.ts";
import { createWorld, type World, type WorldOptions } from "../support/bot.ts";
import { aBuild, internalRegistry, recordedImageStreams } from "../support/fixtures.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { startRegistry } from "../support/registry-server.ts";
import { type Granted, grantedBy, inSingleRights, pullingBy, rights, writingRights } from "../support/roles.ts";
import { aRun, podOf, type RunKind } from "../support/runs.ts";

const namespace = "golang-builder";
const inNamespace = grantedBy("rbac.yaml", { NAMESPACE: "bots", THOTH_WATCHED_NAMESPACE: namespace });
const inCluster = grantedBy("rbac-cluster.yaml", { NAMESPACE: "bots" });
const writingInNamespace = grantedBy("rbac-writing.yaml", { NAMESPACE: "bots", THOTH_WATCHED_NAMESPACE: namespace });
const writingInCluster = grantedBy("rbac-writing-cluster.yaml", { NAMESPACE: "bots" });
const pullingInNamespace = pullingBy("rbac.yaml", { NAMESPACE: "bots", THOTH_WATCHED_NAMESPACE: namespace });
const pullingInCluster = pullingBy("rbac-cluster.yaml", { NAMESPACE: "bots" });
const writing = { BUILD_WATCHER_ANNOTATE: "1", BUILD_WATCHER_EVENTS: "1" };
const everything = {
  THOTH_ANALYZE_EXISTING: "1",
  THOTH_PASS_TOKEN: "1",
  BUILD_WATCHER_PULL_ACCOUNT: "bots/build-watcher-pull",
  BUILD_WATCHER_FAILED_BUILDS: "1",
  BUILD_WATCHER_REGISTRY_ROUTE: "registry.example.com",
};

/** The roles for other build systems, each beside the one for OpenShift's builds. */
const runRoles = buildSystems.slice(1).map((system) => {
  const sources = system.sources({ ignoreResults: [] });
  return { file: templateOf(system), source: system.name, group: sources[0]?.resource.group as InstalledGroup, sources };
});
type Pulling = ReturnType<typeof pullingBy>;

const readsAndPatches = { VERBS: '["list","watch","patch"]' };

/** A cluster that enforces exactly what was granted to the bot, and to the account that pulls for it. */
async function createGuardedWorld({ user, rules }: Granted, pulling: Pulling = pullingInNamespace): Promise<World> {
  const all = [...rules, ...pulling.puller.rules, ...pulling.token.rules];
  const world = await createWorld({ namespace, token: "sha256~token", tokens: { "sha256~token": user }, rules: all });
  world.cluster.put("serviceaccounts", { metadata: { namespace: "bots", name: "build-watcher-pull" } });
  return world;
}

/** A failed build with log, one whose image only its image stream knows, image streams for the startup pass, and a live build. */
async function workThrough(world: World, environment: Readonly<Record<string, string>>): Promise<number> {
  for (const stream of recordedImageStreams()) world.cluster.put("imagestreams", stream);
  const unpinned = {
    output: { kind: "ImageStreamTag", name: "go-hello-world:1.0" },
    outputReference: null,
    digest: null,
  };
  world.cluster.put("builds", aBuild({ name: "failed-1", namespace, phase: "Failed" }));
  world.cluster.put("builds", aBuild({ name: "unpinned-1", namespace, ...unpinned }));
  const bot = world.bot([], { ...everything, ...environment });
  await bot.logged(({ msg }) => String(msg).includes(" skipped"));
  world.cluster.put("builds", aBuild({ name: "live-1", namespace }));
  for (const name of ["failed-1", "unpinned-1", "live-1"]) {
    await bot.logged(({ subject, msg }) => subject === `${namespace}/${name}` && msg === "Job done");
  }
  return bot.stop();
}

/** What the code really asked of the cluster. */
function used(requests: readonly RecordedRequest[]): readonly string[] {
  const asked = requests.filter(({ resource }) => resource !== "");
  return inSingleRights(
    asked.map(({ verb, apiGroup, resource }) => ({ verbs: [verb], apiGroups: [apiGroup], resources: [resource] })),
  );
}

describe.each([
  ["the role in one namespace", inNamespace, pullingInNamespace, { THOTH_WATCHED_NAMESPACE: namespace }],
  ["the role in all namespaces", inCluster, pullingInCluster, { THOTH_WATCHED_NAMESPACE: "*" }],
] as const)("%s", (_, granted, pulling, environment) => {
  it("is enough for the whole bot, and grants nothing that it does not use", async () => {
    await using world = await createGuardedWorld(granted, pulling);
    expect(await workThrough(world, environment)).toBe(0);
    const refused = world.cluster.requests.filter(({ status = 200, resource }) => status >= 400 && resource !== "");
    expect(refused.map(({ verb, path, status }) => `${verb} ${path} ${status}`)).toEqual([]);
    expect(used(world.cluster.requests)).toEqual(inSingleRights([...granted.rules, ...pulling.token.rules]));
    const told = JSON.stringify(world.analysis.submissions);
    expect(told).toContain(`token-1-of-${pulling.puller.user}`);
    expect(told).not.toContain("sha256~token");
  });

  it("comes with an account that can pull images and do nothing else, and of whose tokens alone the bot gets some", async () => {
    expect(pulling.puller.user).toBe("system:serviceaccount:bots:build-watcher-pull");
    expect(inSingleRights(pulling.puller.rules)).toEqual(["get imagestreams/layers.image.openshift.io"]);
    expect(pulling.token).toMatchObject({
      user: granted.user,
      rules: [{ verbs: ["create"], resourceNames: ["build-watcher-pull"], namespaces: ["bots"] }],
    });
    expect(inSingleRights(pulling.token.rules)).toEqual(["create serviceaccounts/token."]);
  });

  it.each([
    ["cannot pull", { ...pulling, puller: { ...pulling.puller, rules: [] } }, /build-watcher-pull cannot get imagestreams/],
    [
      "gives the bot no token",
      { ...pulling, token: { ...pulling.token, rules: [] } },
      /cannot get a token of .*apply openshift\/rbac\.yaml/,
    ],
  ])("is told by check when that account %s", async (_case, lacking, words) => {
    await using world = await createGuardedWorld(granted, lacking);
    const bot = world.bot(["check", "--json"], { ...everything, ...environment });
    expect(await bot.exit).toBe(1);
    const { checks } = JSON.parse(bot.stdout()) as { checks: { check: string; state: string; detail: string }[] };
    expect(checks.filter(({ state }) => state === "fails")).toEqual([
      expect.objectContaining({ check: "right get imagestreams/layers", detail: expect.stringMatching(words) }),
    ]);
  });

  it("reads, and writes nothing", () => {
    const verbs = granted.rules.flatMap((rule) => rule.verbs);
    expect(verbs.filter((verb) => !["get", "list", "watch"].includes(verb))).toEqual([]);
  });

  it("is what the bot's own list of rights says", () => {
    const listed = rights.map(({ verb, group, resource }) => ({ verbs: [verb], apiGroups: [group], resources: [resource] }));
    expect(inSingleRights(granted.rules)).toEqual(inSingleRights(listed));
  });

  it("passes check", async () => {
    await using world = await createGuardedWorld(granted, pulling);
    const bot = world.bot(["check"], { ...everything, ...environment });
    expect(await bot.exit, bot.stdout()).toBe(0);
  });

  it.each(granted.rules.map((rule) => [rule.resources.join(), rule] as const))(
    "without its rule for %s is told by check",
    async (_name, rule) => {
      await using world = await createGuardedWorld(
        { ...granted, rules: granted.rules.filter((other) => other !== rule) },
        pulling,
      );
      const bot = world.bot(["check", "--json"], { ...everything, ...environment });
      expect(await bot.exit).toBe(1);
      const { checks } = JSON.parse(bot.stdout()) as { checks: { check: string; state: string }[] };
      const named = checks.filter(({ state }) => state === "fails").map(({ check }) => check);
      expect(named.sort()).toEqual(rule.verbs.map((verb) => `right ${verb} ${rule.resources[0]}`).sort());
    },
  );
});

describe.each([
  ["the role for writing in one namespace", inNamespace, writingInNamespace, pullingInNamespace, namespace],
  ["the role for writing in all namespaces", inCluster, writingInCluster, pullingInCluster, "*"],
] as const)("%s", (_, reading, granted, pulling, watched) => {
  const where = { THOTH_WATCHED_NAMESPACE: watched };
  const all = { user: granted.user, rules: [...reading.rules, ...granted.rules] };
  const environment = { ...where, ...writing };

  it("is bound to the same account, and adds what writing needs and nothing else", async () => {
    expect(granted.user).toBe(reading.user);
    await using world = await createGuardedWorld(all, pulling);
    expect(await workThrough(world, environment)).toBe(0);
    const refused = world.cluster.requests.filter(({ status = 200, resource }) => status >= 400 && resource !== "");
    expect(refused.map(({ verb, path, status }) => `${verb} ${path} ${status}`)).toEqual([]);
    expect(used(world.cluster.requests)).toEqual(inSingleRights([...all.rules, ...pulling.token.rules]));
  });

  it("is what the bot's own list of rights says", () => {
    const listed = writingRights.map(({ verb, group, resource }) => ({
      verbs: [verb],
      apiGroups: [group],
      resources: [resource],
    }));
    expect(inSingleRights(granted.rules)).toEqual(inSingleRights(listed));
  });

  it("is missed by check only where the settings need it, and each right for its own", async () => {
    await using world = await createGuardedWorld(reading, pulling);
    const failing = async (settings: Readonly<Record<string, string>>) => {
      const bot = world.bot(["check", "--json"], { ...everything, ...where, ...settings });
      await bot.exit;
      const { checks } = JSON.parse(bot.stdout()) as { checks: { check: string; state: string; mend?: string }[] };
      return checks.filter(({ state }) => state === "fails");
    };
    expect(await failing({})).toEqual([]);
    expect(await failing({ ...writing, BUILD_WATCHER_DRY_RUN: "1" })).toEqual([]);
    expect((await failing({ BUILD_WATCHER_ANNOTATE: "1" })).map(({ check }) => check)).toEqual(["right patch builds"]);
    const [events, ...more] = await failing({ BUILD_WATCHER_EVENTS: "1" });
    expect(more).toEqual([]);
    expect(events).toMatchObject({
      check: "right create events",
      mend: expect.stringMatching(/oc process .*rbac-writing.*\| oc apply -f -$/),
    });
  });

  it("together with the role for reading passes check", async () => {
    await using world = await createGuardedWorld(all, pulling);
    const bot = world.bot(["check"], { ...everything, ...environment });
    expect(await bot.exit, bot.stdout()).toBe(0);
  });
});

describe.each(
  runRoles.flatMap(({ file, ...role }) => [
    [`${file}.yaml`, role, { NAMESPACE: "bots", THOTH_WATCHED_NAMESPACE: namespace }, inNamespace, namespace] as const,
    [`${file}-cluster.yaml`, role, { NAMESPACE: "bots" }, inCluster, "*"] as const,
  ]),
)("%s", (file, { source, group, sources }, parameters, beside, watched) => {
  const granted = grantedBy(file, parameters);
  const settings = { ...everything, THOTH_PASS_TOKEN: "0", THOTH_WATCHED_NAMESPACE: watched, BUILD_WATCHER_SOURCES: source };

  /** A cluster with the build system, a run of each kind with a log, and these rules alone. */
  async function createRunWorld(rules: Granted["rules"], further: Partial<WorldOptions> = {}): Promise<World> {
    const known = { token: "sha256~token", tokens: { "sha256~token": granted.user } };
    const world = await createWorld({ namespace, ...known, rules, installed: [group], ...further });
    for (const { kind, resource, owners } of sources) {
      const run = aRun(kind as RunKind, ({ metadata }) => void Object.assign(metadata, { namespace }));
      world.cluster.put(resourceName(resource) as ResourceName, run);
      if (owners) world.cluster.put(resourceName(owners) as ResourceName, { metadata: { namespace, name: "checkout" } });
      const pod = podOf(kind as RunKind, run);
      world.cluster.put("pods", pod);
      world.cluster.setPodLog(namespace, pod.metadata.name, pod.container, "built\n");
    }
    return world;
  }

  async function workThroughRuns(world: World, environment: Readonly<Record<string, string>>): Promise<void> {
    const bot = world.bot([], environment);
    for (const { kind } of sources) {
      const subject = `${namespace}/${aRun(kind as RunKind).metadata.name}`;
      await bot.logged((line) => line.subject === subject && line.msg === "Job done");
    }
    await world.cluster.waitFor(({ openWatches }) => openWatches === sources.length);
    expect(await bot.stop()).toBe(0);
    const refused = world.cluster.requests.filter(({ status = 200, resource }) => status >= 400 && resource !== "");
    expect(refused.map(({ verb, path, status }) => `${verb} ${path} ${status}`)).toEqual([]);
  }

  it("is bound to the bot's account, is enough for it, and grants nothing that it does not use", async () => {
    expect(granted.user).toBe(beside.user);
    await using world = await createRunWorld([...beside.rules, ...granted.rules]);
    await workThroughRuns(world, settings);
    const asked = used(world.cluster.requests.filter(({ apiGroup }) => ["", group].includes(apiGroup)));
    expect(asked).toEqual(inSingleRights(granted.rules));
  });

  it("with the right to patch is enough for annotations as well", async () => {
    const patching = grantedBy(file, { ...parameters, ...readsAndPatches });
    const events = watched === "*" ? writingInCluster : writingInNamespace;
    await using world = await createRunWorld([...beside.rules, ...patching.rules, ...events.rules]);
    await workThroughRuns(world, { ...settings, ...writing });
    const asked = used(world.cluster.requests.filter(({ apiGroup }) => ["", group].includes(apiGroup)));
    expect(asked).toEqual(inSingleRights(patching.rules));
  });

  it("passes check; without it check names each right of a source that was chosen", async () => {
    const failing = async (world: World, environment: Readonly<Record<string, string>>) => {
      const bot = world.bot(["check", "--json"], environment);
      await bot.exit;
      const { checks } = JSON.parse(bot.stdout()) as { checks: { check: string; state: string; mend?: string }[] };
      return checks.filter(({ state }) => state === "fails");
    };
    await using well = await createRunWorld([...beside.rules, ...granted.rules]);
    expect(await failing(well, settings)).toEqual([]);
    const [patch] = await failing(well, { ...settings, BUILD_WATCHER_ANNOTATE: "1" });
    expect(patch?.mend).toContain(`openshift/${file} -p NAMESPACE=bots`);
    expect(patch?.mend).toContain(`-p 'VERBS=${readsAndPatches.VERBS}'`);
    await using lacking = await createRunWorld(beside.rules);
    const named = (await failing(lacking, settings)).map(({ check }) => check);
    const expected = sources.flatMap(readingRights).filter(({ use }) => use !== "owners");
    expect(named.toSorted()).toEqual([...new Set(expected.map((right) => `right ${right.verb} ${rightName(right)}`))].toSorted());
  });
});

requirePrograms(
  "skopeo",
  "docker-registry",
  "htpasswd",
)("the role in one namespace, with copying", () => {
  it("is enough: images are pulled with a token of the account that can only pull", async () => {
    const password = `token-1-of-${pullingInNamespace.puller.user}`;
    const source = await startRegistry({ login: { user: "serviceaccount", password } });
    onTestFinished(() => source.close());
    const destination = await startRegistry();
    onTestFinished(() => destination.close());
    await using world = await createGuardedWorld(inNamespace);
    const live = makeImage();
    const existing = makeImage();
    await source.push(`${namespace}/live`, live, "latest");
    await source.push(`${namespace}/existing`, existing, "latest");
    world.cluster.put("imagestreams", aStream(existing.digest));
    const bot = world.bot([], {
      ...everything,
      THOTH_PASS_TOKEN: "0",
      BUILD_WATCHER_REGISTRY_ROUTE: source.host,
      THOTH_PUSH_REGISTRY: `${destination.host}/copies`,
      THOTH_NO_REGISTRY_TLS_VERIFY: "1",
    });
    await bot.logged(({ msg }) => String(msg).startsWith("1 image stream, "));
    const outputReference = `${internalRegistry}/${namespace}/live:latest`;
    world.cluster.put("builds", aBuild({ name: "live-1", namespace, outputReference, digest: live.digest, base: null }));
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 2);
    expect(await bot.stop()).toBe(0);
    expect(await destination.digest(`copies/${namespace}_live`, live.digest)).toBe(live.digest);
    expect(await destination.digest(`copies/${namespace}_existing`, existing.digest)).toBe(existing.digest);
    expect(world.cluster.requests.filter(({ status = 200, resource }) => status >= 400 && resource !== "")).toEqual([]);
  });
});

/** An image stream of the watched namespace with one image. */
function aStream(digest: string): object {
  const repository = `${internalRegistry}/${namespace}/existing`;
  const item = { created: "2026-01-01T00:00:00Z", dockerImageReference: `${repository}@${digest}`, image: digest };
  return {
    metadata: { name: "existing", namespace },
    spec: {},
    status: { dockerImageRepository: repository, tags: [{ tag: "latest", items: [item] }] },
  };
}

describe("the binding", () => {
  it("is the bot's own, so that bots of several namespaces can watch the same one", () => {
    const other = grantedBy("rbac.yaml", { NAMESPACE: "others", THOTH_WATCHED_NAMESPACE: namespace });
    expect(other.user).toBe("system:serviceaccount:others:build-watcher");
    expect(inNamespace.user).toBe("system:serviceaccount:bots:build-watcher");
  });

  it("lets the bot see no other namespace", async () => {
    await using world = await createGuardedWorld(inNamespace);
    const bot = world.bot([], { THOTH_WATCHED_NAMESPACE: "secret" });
    const line = await bot.logged(({ reason }) => reason === "Forbidden");
    expect(line.msg).toContain("oc policy add-role-to-user view system:serviceaccount:bots:build-watcher -n secret");
  });
});
