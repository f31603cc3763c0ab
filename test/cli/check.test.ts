import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { pullRight, type Right } from "../../src/cluster/rights.ts";
import type { Digest } from "../../src/core/images/image-reference.ts";
import type { AccessRule } from "../../src/demo/openshift-api.ts";
import { buildSystems } from "../../src/sources/index.ts";
import { createWorld, startBot, type World, type WorldOptions } from "../support/bot.ts";
import { aBuild, testCertificates } from "../support/fixtures.ts";
import { kubeconfig } from "../support/kubeconfig.ts";
import { startOddRegistry } from "../support/odd-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { makeCertificates, type RegistryOptions, type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { rights as readingRights } from "../support/roles.ts";
import { aRun } from "../support/runs.ts";

interface Report {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly state: string;
    readonly detail: string;
    readonly mend?: string;
  }[];
}

const account = "system:serviceaccount:bots:build-watcher";

function ruleFor({ group, resource, verb }: Right, namespaces?: readonly string[]): AccessRule {
  return { user: account, apiGroups: [group], resources: [resource], verbs: [verb], ...(namespaces && { namespaces }) };
}

/** Without an account that pulls, the bot does it itself. */
const rights: readonly Right[] = [...readingRights, pullRight];
const allRules = rights.map((right) => ruleFor(right, ["golang-builder"]));
const usesEverything = { THOTH_ANALYZE_EXISTING: "1", THOTH_PASS_TOKEN: "1" };

/** A cluster that knows the bot by its token, with a build in the watched namespace. */
async function createKnownWorld(options: WorldOptions = {}): Promise<World> {
  const world = await createWorld({ token: "sha256~token", tokens: { "sha256~token": account }, rules: allRules, ...options });
  world.cluster.put("builds", aBuild({ name: "cart-1", namespace: "golang-builder" }));
  return world;
}

/** Runs the command, and answers what it printed with what differs from run to run replaced. */
async function checked(world: World, environment: Readonly<Record<string, string>> = {}, argv: readonly string[] = []) {
  const bot = world.bot(["check", ...argv], environment);
  const exitCode = await bot.exit;
  const text = bot
    .stdout()
    .replaceAll(world.cluster.url, "https://api.example.com:6443")
    .replaceAll(world.analysis.url, "https://user-api.example.com")
    .replaceAll(world.stateDirectory, "/state");
  return { exitCode, text, stderr: bot.stderr() };
}

async function report(world: World, environment: Readonly<Record<string, string>> = {}): Promise<Report> {
  const { text, exitCode } = await checked(world, environment, ["--json"]);
  const parsed = JSON.parse(text) as Report;
  expect(exitCode).toBe(parsed.ok ? 0 : 1);
  return parsed;
}

async function warnings(world: World, environment: Readonly<Record<string, string>> = {}): Promise<Report["checks"]> {
  return (await report(world, environment)).checks.filter(({ state }) => state === "warns");
}

async function failures(world: World, environment: Readonly<Record<string, string>> = {}): Promise<Report["checks"]> {
  return (await report(world, environment)).checks.filter(({ state }) => state === "fails");
}

describe("check, where all is well", () => {
  it("says so in a line for each thing it looked at, and ends with 0", async () => {
    await using world = await createKnownWorld();
    const { text, exitCode, stderr } = await checked(world, usesEverything);
    expect(text).toMatchInlineSnapshot(`
      "warns   pass-token                     --pass-token (THOTH_PASS_TOKEN) sends your own cluster token to https://user-api.example.com as the password for images of the cluster's registry. It can do whatever you can do in the cluster, and Thoth's API takes passwords in the URL, where access logs keep them. Name a service account that can only pull images in BUILD_WATCHER_PULL_ACCOUNT (openshift/rbac.yaml makes one), or copy the images with --push-registry instead
      ok      settings                       The settings are valid.
      ok      cluster                        https://api.example.com:6443 answers, Kubernetes v1.34.2
      ok      identity                       The bot is system:serviceaccount:bots:build-watcher.
      ok      API builds                     The cluster serves builds.build.openshift.io.
      ok      API imagestreams               The cluster serves imagestreams.image.openshift.io.
      ok      right list builds              system:serviceaccount:bots:build-watcher can list builds in namespace golang-builder.
      ok      right watch builds             system:serviceaccount:bots:build-watcher can watch builds in namespace golang-builder.
      ok      right get builds/log           system:serviceaccount:bots:build-watcher can get builds/log in namespace golang-builder.
      ok      right get imagestreams         system:serviceaccount:bots:build-watcher can get imagestreams in namespace golang-builder.
      ok      right list imagestreams        system:serviceaccount:bots:build-watcher can list imagestreams in namespace golang-builder.
      ok      right get imagestreams/layers  system:serviceaccount:bots:build-watcher can get imagestreams/layers in namespace golang-builder.
      ok      first start                    A bot with an empty ledger also takes in 1 image of builds that have ended already. BUILD_WATCHER_SINCE=now leaves them alone.
      ok      analysis endpoint              https://user-api.example.com answers like Thoth's User API.
      ok      state directory                /state can be written and locked.
      skipped API shipwright                 The cluster does not serve buildruns.v1beta1.shipwright.io. The bot looks again every ten minutes.
      skipped API tekton                     The cluster does not serve pipelineruns.tekton.dev and taskruns.tekton.dev. The bot looks again every ten minutes.
      skipped API kpack                      The cluster does not serve builds.v1alpha2.kpack.io. The bot looks again every ten minutes.
      skipped copying                        Images are not copied: --push-registry (THOTH_PUSH_REGISTRY) is not set.
      All is well, 1 warning, 4 skipped.
      "
    `);
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
  });

  it("leaves nothing behind: no write to the cluster, no submission, no ledger, no token in what it says", async () => {
    await using world = await createKnownWorld();
    const { text } = await checked(world, usesEverything);
    const written = world.cluster.requests.filter(
      ({ method, apiGroup }) => method !== "GET" && apiGroup !== "authorization.k8s.io",
    );
    expect(written).toEqual([]);
    expect(world.analysis.received).toBe(0);
    expect(text).not.toContain("sha256~token");
  });

  it("looks at every watched namespace", async () => {
    await using world = await createKnownWorld({ rules: rights.map((right) => ruleFor(right)) });
    const { checks } = await report(world, { THOTH_WATCHED_NAMESPACE: "shop,bank" });
    for (const namespace of ["shop", "bank"]) {
      expect(checks.filter(({ detail }) => detail.includes(`in namespace ${namespace}.`))).toHaveLength(rights.length);
    }
  });

  it("asks for the whole cluster's rights where all namespaces are watched", async () => {
    await using world = await createKnownWorld();
    const [first] = await failures(world, { THOTH_WATCHED_NAMESPACE: "*" });
    expect(first?.detail).toBe(`${account} cannot list builds in all namespaces.`);
    expect(first?.mend).toBe(`oc adm policy add-cluster-role-to-user view ${account}`);
  });

  it("warns of a misspelt variable, which is no failure", async () => {
    await using world = await createKnownWorld();
    const { ok, checks } = await report(world, { THOTH_BUILD_WATCHER_WORKER: "4" });
    expect(ok).toBe(true);
    expect(checks.find(({ state }) => state === "warns")?.detail).toContain("did you mean THOTH_BUILD_WATCHER_WORKERS?");
  });
});

describe("check, where a right is missing", () => {
  it.each(rights.map((right) => [`${right.verb} ${right.resource}`, right] as const))(
    "names it, and the command that grants it: %s",
    async (name, right) => {
      const rules = allRules.filter((rule) => !(rule.verbs.includes(right.verb) && rule.resources.includes(right.resource)));
      await using world = await createKnownWorld({ rules });
      const role = right.use === "pull" ? "system:image-puller" : "view";
      expect(await failures(world, usesEverything)).toEqual([
        {
          check: `right ${name}`,
          state: "fails",
          detail: expect.stringContaining(`${account} cannot ${name} in namespace golang-builder.`),
          namespace: "golang-builder",
          mend: `oc policy add-role-to-user ${role} ${account} -n golang-builder`,
        },
      ]);
    },
  );

  it("hints at the name, since a namespace that does not exist is refused alike", async () => {
    await using world = await createKnownWorld({ rules: [] });
    const [first] = await failures(world);
    expect(first).toMatchObject({ check: "right list builds", detail: expect.stringContaining("is its name right?") });
  });

  it.each([
    ["does not tell users their names", { status: 403 }, 2, undefined],
    ["fails to tell them", { status: 500 }, 1, "identity"],
  ])("asks for rights where the cluster %s", async (_, fault, times, failing) => {
    await using world = await createKnownWorld();
    world.cluster.fail("identity", fault, times);
    expect((await failures(world)).map(({ check }) => check)).toEqual(failing === undefined ? [] : [failing]);
    expect(world.cluster.requests.some(({ path }) => path.endsWith("/selfsubjectaccessreviews"))).toBe(true);
  });

  it("grants it to a service account of the same namespace by its short name", async () => {
    const own = "system:serviceaccount:golang-builder:build-watcher";
    await using world = await createKnownWorld({ tokens: { "sha256~token": own } });
    const [first] = await failures(world);
    expect(first?.mend).toBe("oc policy add-role-to-user view -z build-watcher -n golang-builder");
  });

  it("quotes a user's name for the shell where it needs that", async () => {
    await using world = await createKnownWorld({ tokens: { "sha256~token": "Zoë O'Hara" } });
    const [first] = await failures(world);
    expect(first?.mend).toBe("oc policy add-role-to-user view 'Zoë O'\\''Hara' -n golang-builder");
  });

  it("does not mind where the settings make no use of it", async () => {
    const needless: readonly Right["use"][] = ["logs", "scan", "pull"];
    const rules = rights.filter(({ use }) => !needless.includes(use)).map((right) => ruleFor(right));
    await using world = await createKnownWorld({ rules });
    const { ok, checks } = await report(world, {
      THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "1",
      BUILD_WATCHER_REGISTRY_ROUTE: "registry.example.com",
    });
    expect(ok).toBe(true);
    expect(checks.filter(({ state }) => state === "skipped").map(({ check }) => check)).toEqual([
      ...buildSystems.slice(1).map(({ name }) => `API ${name}`),
      "right get builds/log",
      "right list imagestreams",
      "right get imagestreams/layers",
      "copying",
    ]);
  });
});

describe("check, where the bot reads images itself", () => {
  const reading = { BUILD_WATCHER_ANALYZERS: "packages", THOTH_USER_API_HOST: "", THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1" };

  /** A world whose newest build pushed this image to a registry outside the cluster. */
  async function worldWith(image: string | undefined, digest?: Digest): Promise<World> {
    const world = await createKnownWorld();
    const output = { kind: "DockerImage", name: image };
    if (image !== undefined)
      world.cluster.put(
        "builds",
        aBuild({
          name: "cart-2",
          namespace: "golang-builder",
          output,
          ...(digest && { digest }),
          completedAt: "2099-01-01T00:00:00Z",
        }),
      );
    else world.cluster.remove("builds", "golang-builder", "cart-1");
    return world;
  }

  const ofReading = async (world: World) =>
    (await report(world, reading)).checks.filter(({ check }) => check === "reading images");

  it("says whether the newest image of a build can be read", async () => {
    await using registry = await startOddRegistry();
    const image = makeImage();
    registry.put("shop/cart", image);
    await using world = await worldWith(`${registry.host}/shop/cart:v1`, image.digest);
    expect(await ofReading(world)).toEqual([
      {
        check: "reading images",
        state: "ok",
        detail: expect.stringMatching(/shop\/cart\S* of golang-builder\/cart-2 can be read/),
      },
    ]);
    expect(registry.asked.every((request) => !request.includes("/blobs/"))).toBe(true);
    registry.oddity = (_request, response, url) => url.includes("/manifests/") && !!response.writeHead(401).end();
    expect(await ofReading(world)).toMatchObject([
      {
        state: "fails",
        detail: expect.stringContaining("cannot be read"),
        mend: expect.stringContaining("THOTH_SRC_REGISTRY_USER"),
      },
    ]);
    registry.oddity = (_request, response, url) => url.includes("/manifests/") && !!response.writeHead(404).end();
    expect(await ofReading(world)).toMatchObject([{ state: "warns" }]);
  });

  it("says that the cluster's registry needs a public route if the bot runs outside", async () => {
    await using world = await worldWith("image-registry.openshift-image-registry.svc:5000/golang-builder/cart:v1");
    expect(await ofReading(world)).toMatchObject([
      {
        state: "fails",
        detail: expect.stringContaining("only inside the cluster"),
        mend: expect.stringContaining("_REGISTRY_ROUTE="),
      },
    ]);
  });

  it("says that there is no image yet", async () => {
    await using world = await worldWith(undefined);
    expect(await ofReading(world)).toMatchObject([
      { state: "skipped", detail: expect.stringContaining("no image of a build yet") },
    ]);
  });
});

describe("check, of build systems", () => {
  const tekton = { user: account, verbs: ["*"], apiGroups: ["tekton.dev", ""], resources: ["*"] };
  const only = async (world: World, environment: Readonly<Record<string, string>> = {}) => {
    const { ok, checks } = await report(world, environment);
    return { ok, told: checks.filter(({ check }) => /API|runs|pods/.test(check)).map(({ check, state }) => `${state} ${check}`) };
  };

  it("names those that the cluster has, and what the bot lacks for each, which is no failure unless they were chosen", async () => {
    await using world = await createKnownWorld({ installed: ["tekton.dev"] });
    expect(await only(world)).toEqual({
      ok: true,
      told: [
        ...buildSystems.map(({ name }) => `${["builds", "tekton"].includes(name) ? "ok" : "skipped"} API ${name}`),
        "ok API imagestreams",
        "warns right list pipelineruns",
        "warns right list taskruns",
      ],
    });
    const [first] = await warnings(world);
    expect(first?.detail).toContain("are not watched. If you want that, name the others in BUILD_WATCHER_SOURCES.");
    expect(first?.mend).toBe(`oc policy add-role-to-user view ${account} -n golang-builder`);
    expect((await only(world, { BUILD_WATCHER_SOURCES: "builds" })).told).toEqual(["ok API builds", "ok API imagestreams"]);
    const chosen = await failures(world, { BUILD_WATCHER_SOURCES: "builds,tekton" });
    expect(chosen.map(({ check }) => check)).toEqual([
      "right list pipelineruns",
      "right watch pipelineruns",
      "right list pods",
      "right get pods/log",
      "right list taskruns",
      "right watch taskruns",
    ]);
  });

  it("looks at all rights of one that may be listed", async () => {
    const rules = [...allRules, { ...tekton, verbs: ["list"] }];
    await using world = await createKnownWorld({ installed: ["tekton.dev"], rules });
    const named = (await failures(world)).map(({ check }) => check);
    expect(named).toEqual(["right watch pipelineruns", "right get pods/log", "right watch taskruns"]);
  });

  it("warns where one of several is chosen that is not there, and fails where none is", async () => {
    await using world = await createKnownWorld();
    expect((await only(world, { BUILD_WATCHER_SOURCES: "builds,shipwright" })).told).toContain("warns API shipwright");
    const [first] = await failures(world, { BUILD_WATCHER_SOURCES: "shipwright" });
    expect(first).toMatchObject({
      check: "API shipwright",
      detail: "The cluster does not serve buildruns.v1beta1.shipwright.io, so that there is nothing to watch.",
      mend: expect.stringContaining("BUILD_WATCHER_SOURCES"),
    });
  });

  it("looks for tracked pipelines among their runs", async () => {
    await using world = await createKnownWorld({ installed: ["tekton.dev"], rules: [...allRules, tekton] });
    world.cluster.put(
      "taskruns",
      aRun("TaskRun", ({ metadata }) => void Object.assign(metadata, { namespace: "golang-builder" })),
    );
    const told = await warnings(world, { BUILD_WATCHER_TRACK: "Task:buildah,Pipeline:cart" });
    expect(told.map(({ detail }) => detail)).toEqual([expect.stringContaining("No build of the Pipeline cart was found")]);
  });
});

describe("check, where something is wrong", () => {
  it("with nothing configured says what to do first", async () => {
    await using world = await createWorld();
    const bot = startBot(["check"], { HOME: world.stateDirectory });
    expect(await bot.exit).toBe(1);
    expect(bot.stdout().replaceAll(world.stateDirectory, "/home/me")).toMatchInlineSnapshot(`
      "fails   cluster            There is no OpenShift cluster to talk to: run oc login, or set KUBECONFIG or KUBERNETES_API_URL  Fix: oc login <URL of the API server>
      ok      settings           The settings are valid.
      ok      state directory    /home/me/.local/state/build-watcher can be written and locked.
      skipped rights             Not asked: no cluster to ask.
      skipped copying            Images are not copied: --push-registry (THOTH_PUSH_REGISTRY) is not set.
      skipped analysis endpoint  None is set (THOTH_USER_API_HOST): the bot reads the packages of each image itself.
      1 of 3 checks failed, 3 skipped.
      "
    `);
  });

  it("with settings that cannot be read names every mistake", async () => {
    await using world = await createWorld();
    const { text, exitCode } = await checked(world, {
      THOTH_BUILD_WATCHER_WORKERS: "many",
      THOTH_ENVIRONMENT_TYPE: "production",
    });
    expect(exitCode).toBe(1);
    expect(text).toMatchInlineSnapshot(`
      "fails   settings  --environment-type (THOTH_ENVIRONMENT_TYPE) is "production"; expected runtime or buildtime  Fix: export THOTH_ENVIRONMENT_TYPE=<runtime|buildtime>
      fails   settings  --workers-count (THOTH_BUILD_WATCHER_WORKERS) is "many"; expected a whole number, at least 1, at most 256  Fix: export THOTH_BUILD_WATCHER_WORKERS=<number>
      2 of 2 checks failed.
      "
    `);
  });

  it("with a wrong token says that the cluster refuses it", async () => {
    await using world = await createKnownWorld({ token: "sha256~stale" });
    const { text, exitCode } = await checked(world);
    expect(exitCode).toBe(1);
    expect(text).toMatchInlineSnapshot(`
      "fails   cluster            The cluster does not accept the bot's credentials (Unauthorized): run oc login. They are read again before every attempt  Fix: oc login https://api.example.com:6443
      ok      settings           The settings are valid.
      ok      analysis endpoint  https://user-api.example.com answers like Thoth's User API.
      ok      state directory    /state can be written and locked.
      skipped rights             Not asked: the cluster does not answer.
      skipped copying            Images are not copied: --push-registry (THOTH_PUSH_REGISTRY) is not set.
      1 of 4 checks failed, 2 skipped.
      "
    `);
    expect(text).not.toContain("sha256~stale");
  });

  it("without credentials says that the cluster takes the bot for anonymous", async () => {
    await using world = await createWorld({ tokens: {} });
    expect(await failures(world)).toMatchObject([
      { check: "identity", mend: expect.stringMatching(/^oc login http/), detail: expect.stringContaining("anonymous") },
    ]);
  });

  it.each([
    ["an unknown host", "https://api.invalid:6443", /has an unknown host name.*KUBERNETES_API_URL/],
    ["a closed port", "https://127.0.0.1:1", /cannot be reached \(ECONNREFUSED\).*KUBERNETES_API_URL/],
  ])("with %s says so", async (_, url, detail) => {
    await using world = await createWorld();
    expect(await failures(world, { KUBERNETES_API_URL: url })).toEqual([
      { check: "cluster", state: "fails", detail: expect.stringMatching(detail), mend: `oc login ${url}` },
    ]);
  });

  it("with a cluster that cannot answer now does not send for another login, and does not promise to try again", async () => {
    await using world = await createWorld();
    world.cluster.fail("any", { status: 503 }, Number.POSITIVE_INFINITY);
    const [cluster] = await failures(world);
    expect(cluster).toEqual({
      check: "cluster",
      state: "fails",
      detail: "The OpenShift API cannot serve its version now (ServiceUnavailable). If this lasts, run oc get clusteroperators",
    });
  });

  it("with a server that is no cluster says so", async () => {
    await using world = await createWorld();
    const [first] = await failures(world, { KUBERNETES_API_URL: world.analysis.url });
    expect(first).toMatchObject({
      check: "cluster",
      detail: expect.stringContaining("point KUBECONFIG or KUBERNETES_API_URL at"),
    });
  });

  it("with a CA that is not the cluster's says which command names it", async () => {
    await using world = await createWorld({ tls: testCertificates().server });
    const config = join(world.stateDirectory, "config");
    await writeFile(config, JSON.stringify(kubeconfig({ server: world.cluster.url })));
    expect(await failures(world, { KUBECONFIG: config })).toEqual([
      {
        check: "cluster",
        state: "fails",
        detail: expect.stringMatching(/has a certificate that is not trusted \(.*\): put its CA into the kubeconfig/),
        mend: `oc login https://api.example.com:6443 --certificate-authority=<file of the CA>`,
      },
    ]);
  });

  it("with an endpoint that is down says so, and where it is named", async () => {
    await using world = await createKnownWorld();
    expect(await failures(world, { THOTH_USER_API_HOST: "http://127.0.0.1:1" })).toEqual([
      {
        check: "analysis endpoint",
        state: "fails",
        detail: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)/),
        mend: "export THOTH_USER_API_HOST=<host>",
      },
    ]);
  });

  it("in a pod names the commands that change the deployment", async () => {
    await using world = await createKnownWorld();
    const [first] = await failures(world, { THOTH_USER_API_HOST: "http://127.0.0.1:1", KUBERNETES_SERVICE_HOST: "172.30.0.1" });
    expect(first?.mend).toBe(
      "oc set data configmap/build-watcher THOTH_USER_API_HOST=<host> && oc rollout restart deployment/build-watcher",
    );
  });

  it.each([
    [
      "a setting",
      { THOTH_BUILD_WATCHER_WORKERS: "many" },
      "oc set data configmap/build-watcher THOTH_BUILD_WATCHER_WORKERS=<number> && oc rollout restart deployment/build-watcher",
    ],
    [
      "a secret",
      { THOTH_SRC_REGISTRY_USER: "robot" },
      "oc set data secret/build-watcher THOTH_SRC_REGISTRY_PASSWORD=<password> && oc rollout restart deployment/build-watcher",
    ],
    [
      "a setting of the pod itself",
      { BUILD_WATCHER_ADMIN_PORT: "no" },
      "oc set env deployment/build-watcher BUILD_WATCHER_ADMIN_PORT=<port>",
    ],
    [
      "the other half of a login",
      { THOTH_DST_REGISTRY_PASSWORD: "TOPSECRET" },
      "oc set data configmap/build-watcher THOTH_DST_REGISTRY_USER=<user> && oc rollout restart deployment/build-watcher",
    ],
  ])("in a pod names the command that changes %s", async (_, environment, mend) => {
    await using world = await createKnownWorld();
    const [first, ...others] = await failures(world, { ...environment, KUBERNETES_SERVICE_HOST: "172.30.0.1" });
    expect(first).toMatchObject({ check: "settings", mend });
    expect(others).toEqual([]);
  });

  it("in a pod without credentials does not send for oc login", async () => {
    await using world = await createWorld();
    const bot = startBot(["check"], { HOME: world.stateDirectory, KUBERNETES_SERVICE_HOST: "127.0.0.1" });
    expect(await bot.exit).toBe(1);
    expect(bot.stdout()).toMatch(/fails +cluster .*Fix: oc rollout restart deployment\/build-watcher\n/);
  });

  it("with an endpoint that is no User API says so", async () => {
    await using world = await createKnownWorld();
    const server = createServer((_request, response) => void response.writeHead(404).end("Not here")).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [first] = await failures(world, { THOTH_USER_API_HOST: host });
    expect(first?.detail).toContain("There is no User API at");
  });
});

describe("check of the state directory", () => {
  it.each([
    ["a file in its place", async (path: string) => writeFile(path, ""), /there is a file where a directory is needed/],
    [
      "a ledger that is none",
      async (path: string) => {
        await mkdir(path);
        await writeFile(join(path, "ledger.db"), "quokka ".repeat(1000));
      },
      /is no SQLite database/,
    ],
  ])("finds %s", async (_, prepare, detail) => {
    await using world = await createKnownWorld();
    const path = join(world.stateDirectory, "wrong");
    await prepare(path);
    expect(await failures(world, { BUILD_WATCHER_STATE_DIR: path })).toEqual([
      {
        check: "state directory",
        state: "fails",
        detail: expect.stringMatching(detail),
        mend: "export BUILD_WATCHER_STATE_DIR=<directory>",
      },
    ]);
  });

  it("passes while a bot runs, and says that a second one could not work there", async () => {
    await using world = await createKnownWorld();
    const bot = world.bot();
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    const { ok, checks } = await report(world);
    expect(ok).toBe(true);
    expect(checks.find(({ check }) => check === "state directory")?.detail).toContain("a bot is working with it");
    expect(await bot.stop()).toBe(0);
  });
});

describe("check, where something is probably not meant", () => {
  const anywhere = { rules: rights.map((right) => ruleFor(right)) };

  it("names a watched namespace with neither builds nor image streams, which is no failure", async () => {
    await using world = await createKnownWorld(anywhere);
    world.cluster.put("imagestreams", { metadata: { name: "base", namespace: "bank" } });
    const { text, exitCode } = await checked(world, { THOTH_WATCHED_NAMESPACE: "golang-builder,bank,shpo" });
    expect(exitCode).toBe(0);
    const warned = text.split("\n").filter((line) => line.startsWith("warns"));
    expect(warned).toEqual([
      expect.stringMatching(/0 builds, 0 image streams in shpo: is the name right\? +Fix: export THOTH_WATCHED_NAMESPACE=/),
    ]);
    expect(text).toMatch(/\nAll is well, 1 warning, \d+ skipped\.\n$/);
  });

  it("counts several warnings", async () => {
    await using world = await createKnownWorld(anywhere);
    const { text } = await checked(world, { THOTH_WATCHED_NAMESPACE: "shpo,bnak" });
    expect(text).toMatch(/\nAll is well, 2 warnings, \d+ skipped\.\n$/);
  });

  it("says nothing of emptiness where the bot cannot list", async () => {
    await using world = await createKnownWorld();
    const { checks } = await report(world, { THOTH_WATCHED_NAMESPACE: "shpo" });
    expect(checks.filter(({ state }) => state === "warns")).toEqual([]);
  });

  it.each([
    ["golang-builder", "cart,golang-builder/cart", []],
    ["golang-builder", "cart,chart", ["chart"]],
    ["*", "shop/cart,golang-builder/cart", ["shop/cart"]],
  ])("in %s tracking %s misses %j", async (namespace, track, missing) => {
    await using world = await createKnownWorld(anywhere);
    const found = await warnings(world, { THOTH_WATCHED_NAMESPACE: namespace, BUILD_WATCHER_TRACK: track });
    expect(found.map(({ check, detail }) => [check, /BuildConfig (\S+) /.exec(detail)?.[1]])).toEqual(
      missing.map((entry) => ["tracked", entry]),
    );
  });

  const inPod = { KUBERNETES_SERVICE_HOST: "172.30.0.1" };

  it("says that the internal name of the cluster's registry cannot be pulled from outside", async () => {
    await using world = await createKnownWorld();
    expect(await warnings(world, inPod)).toEqual([
      {
        check: "pulling",
        state: "warns",
        detail: expect.stringContaining("an analysis service outside the cluster cannot pull them"),
        mend: expect.stringContaining("oc set data configmap/build-watcher THOTH_PUSH_REGISTRY="),
      },
    ]);
  });

  it.each([
    ["with a token", { ...inPod, THOTH_PASS_TOKEN: "1", BUILD_WATCHER_PULL_ACCOUNT: "bots/build-watcher-pull" }],
    ["with a route", { ...inPod, BUILD_WATCHER_REGISTRY_ROUTE: "registry.example.com" }],
    ["in a dry run", { ...inPod, BUILD_WATCHER_DRY_RUN: "1" }],
    ["outside the cluster", {}],
  ])("does not say so %s", async (_, environment) => {
    await using world = await createKnownWorld();
    expect(await warnings(world, environment)).toEqual([]);
  });
});

requirePrograms(
  "skopeo",
  "docker-registry",
  "htpasswd",
  "openssl",
)("check of copying", () => {
  const login = { user: "writer", password: "d3stination-TOPSECRET" };
  const logins = { THOTH_DST_REGISTRY_USER: login.user, THOTH_DST_REGISTRY_PASSWORD: login.password };
  const plain = { THOTH_NO_REGISTRY_TLS_VERIFY: "1" };

  async function registryWith(options: RegistryOptions = {}): Promise<RegistryServer> {
    const registry = await startRegistry(options);
    onTestFinished(() => registry.close());
    return registry;
  }

  function copyingTo(place: string) {
    return { THOTH_PUSH_REGISTRY: place, ...plain };
  }

  it("is well with a registry that takes an upload, and leaves nothing there", async () => {
    await using world = await createKnownWorld();
    const registry = await registryWith({ login });
    const environment = { ...copyingTo(`${registry.host}/mirror`), ...logins };
    const { ok, checks } = await report(world, environment);
    expect(ok).toBe(true);
    expect(checks.find(({ check }) => check === "push registry")?.detail).toBe(
      `${registry.host}/mirror/build-watcher_check takes uploads with this login.`,
    );
    expect(checks.find(({ check }) => check === "skopeo")?.detail).toMatch(/^skopeo \d+\.\d+\S* can be run\.$/);
    const requests = await registry.requests();
    expect(requests.filter(({ method, status }) => method === "POST" && status === 202)).toHaveLength(1);
    expect(requests.filter(({ method, status }) => method === "DELETE" && status === 204)).toHaveLength(1);
    expect(requests.filter(({ method }) => method === "PUT")).toEqual([]);
  });

  it.each([
    ["a wrong password", { login }, { ...logins, THOTH_DST_REGISTRY_PASSWORD: "wrong" }, /answered 401/, "DST_REGISTRY_PASSWORD"],
    ["no login where one is needed", { login }, {}, /answered 401/, "DST_REGISTRY_USER"],
    ["a registry that is read-only", { readOnly: true }, {}, /is read-only: it takes no uploads/, "THOTH_PUSH_REGISTRY"],
  ])("finds %s", async (_, options, environment, detail, variable) => {
    await using world = await createKnownWorld();
    const registry = await registryWith(options);
    const [first, ...others] = await failures(world, { ...copyingTo(registry.host), ...environment });
    expect(first).toMatchObject({ check: "push registry", detail: expect.stringMatching(detail) });
    expect(first?.mend).toContain(variable);
    expect(others).toEqual([]);
    expect(JSON.stringify(first)).not.toContain("TOPSECRET");
  });

  it.each([
    ["a template", { BUILD_WATCHER_PUSH_TEMPLATE: "{quokka}" }, "BUILD_WATCHER_PUSH_TEMPLATE=<template>"],
    ["an auth file that is missing", { BUILD_WATCHER_DST_AUTHFILE: "/nonexistent" }, "BUILD_WATCHER_DST_AUTHFILE=<file>"],
    ["a layout", { BUILD_WATCHER_PUSH_LAYOUT: "flat" }, "BUILD_WATCHER_PUSH_LAYOUT=<default|flat|legacy>"],
    ["a directory", { BUILD_WATCHER_REGISTRY_CERTS: "/nonexistent/certificates" }, "BUILD_WATCHER_REGISTRY_CERTS=<directory>"],
  ])("names the setting that is at fault: %s", async (_, environment, mend) => {
    await using world = await createKnownWorld();
    const registry = await registryWith();
    const [first, ...others] = await failures(world, { ...copyingTo(registry.host), ...environment });
    expect(first?.mend).toBe(`export ${mend}`);
    expect(others).toEqual([]);
  });

  it("finds a wrong login in an auth file, and names the file", async () => {
    await using world = await createKnownWorld();
    const registry = await registryWith({ login });
    const file = join(world.stateDirectory, "auth.json");
    await writeFile(file, JSON.stringify({ auths: { [registry.host]: { username: "writer", password: "wrong" } } }));
    expect(await failures(world, { ...copyingTo(registry.host), BUILD_WATCHER_DST_AUTHFILE: file })).toMatchObject([
      { check: "push registry", mend: "export BUILD_WATCHER_DST_AUTHFILE=<file>" },
    ]);
  });

  it("in a pod changes both halves of a login, each where it is kept", async () => {
    await using world = await createKnownWorld();
    const registry = await registryWith({ login });
    const [first] = await failures(world, { ...copyingTo(registry.host), KUBERNETES_SERVICE_HOST: "172.30.0.1" });
    expect(first?.mend).toBe(
      "oc set data configmap/build-watcher THOTH_DST_REGISTRY_USER=<user> && " +
        "oc set data secret/build-watcher THOTH_DST_REGISTRY_PASSWORD=<password> && oc rollout restart deployment/build-watcher",
    );
  });

  it("finds a registry that is not there", async () => {
    await using world = await createKnownWorld();
    expect(await failures(world, copyingTo("127.0.0.1:1/mirror"))).toMatchObject([
      {
        check: "push registry",
        detail: expect.stringContaining("ECONNREFUSED"),
        mend: "export THOTH_PUSH_REGISTRY=<registry>",
      },
    ]);
  });

  it("finds a certificate that is not trusted, and trusts the CAs it is given", async () => {
    await using world = await createKnownWorld();
    const certificates = makeCertificates();
    onTestFinished(() => certificates.remove());
    const registry = await registryWith({ tls: certificates });
    const environment = { THOTH_PUSH_REGISTRY: registry.host };
    expect(await failures(world, environment)).toMatchObject([{ detail: expect.stringContaining("certificate is not trusted") }]);
    expect(await failures(world, { ...environment, BUILD_WATCHER_REGISTRY_CERTS: certificates.caDirectory })).toEqual([]);
  });

  it("finds that skopeo is missing, and how to install it", async () => {
    await using world = await createKnownWorld();
    const registry = await registryWith();
    expect(await failures(world, { ...copyingTo(registry.host), SKOPEO_EXEC_PATH: "/nonexistent/skopeo" })).toEqual([
      {
        check: "skopeo",
        state: "fails",
        detail: expect.stringContaining("/nonexistent/skopeo cannot be run"),
        mend: "sudo dnf install skopeo || sudo apt-get install skopeo",
      },
    ]);
  });

  it("asks a Quay for no right to push, since that would make a repository there", async () => {
    await using world = await createKnownWorld();
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const { host = "", authorization } = request.headers;
      asked.push(`${request.method} ${request.url}`);
      const challenge = { "www-authenticate": `Bearer realm="http://${host}/v2/auth",service="${host}"` };
      if (request.url?.startsWith("/v2/auth")) response.writeHead(200).end('{"token":"t"}');
      else response.writeHead(authorization ? 404 : 401, challenge).end();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { checks } = await report(world, { ...copyingTo(`${host}/org`), ...logins });
    expect(checks.find(({ check }) => check === "push registry")).toMatchObject({
      state: "ok",
      detail: expect.stringContaining("with the first copy"),
    });
    expect(asked.filter((line) => line.includes("push") || line.startsWith("POST"))).toEqual([]);
  });
});
