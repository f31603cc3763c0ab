import { describe, expect, it } from "vitest";
import { options } from "../src/config/options.ts";
import { secretFile } from "./support/analyzers.ts";
import { cycloneDx, makeArtifact, makeReferrers, spdx, tagFor } from "./support/artifacts.ts";
import { idleClock } from "./support/idle-clock.ts";
import { replies, startOddRegistry } from "./support/odd-registry.ts";
import { startReceiver } from "./support/receiver-server.ts";
import { digestOf, type MadeImage } from "./support/registry-images.ts";
import { aRun, results } from "./support/runs.ts";
import {
  affected,
  eventsOf,
  everyAnalyzer,
  openServices,
  type Services,
  secretsOfServices,
  startBotOf,
  stateOf,
} from "./support/services.ts";
import { namespace } from "./support/submissions.ts";

const minute = 60_000;
const hour = 60 * minute;
const rated = ["rhacs", "dependency-track", "trustify", "harbor-scanner", "own-scanner"];
const analysedBy = (names: readonly string[], times = 1) =>
  names.flatMap((name) => Array<string>(times).fill(`${name} analysed`)).toSorted();

describe("a build that every analyzer looks at", () => {
  it("shows what each of them found, on the page, in the API and as metrics", async () => {
    const services = await openServices();
    const { jobs, outcomes, url } = await startBotOf(services, {}, idleClock());
    await services.complete("app");
    await expect.poll(() => outcomes()).toEqual(analysedBy(everyAnalyzer));
    const found = Object.fromEntries((await jobs()).map(({ analyzer, result }) => [analyzer, result?.findings]));
    expect(found).toMatchObject({
      packages: { packages: 1 },
      rhacs: { severities: { critical: 1, high: 1 }, packages: 4 },
      "dependency-track": { severities: { critical: 1, high: 2, medium: 3, low: 4, unknown: 5 }, policyViolations: 2 },
      trustify: { severities: { critical: 1 } },
      "harbor-scanner": { severities: { critical: 1 } },
      "own-scanner": { severities: { low: 1 } },
    });
    const list = await (await fetch(url)).text();
    for (const words of ["1 critical, 1 high", "1 critical, 2 high, 3 medium", "2 policy violations", "1 low"])
      expect(list).toContain(words);
    for (const [analyzer, words] of [
      ["dependency-track", "1 critical, 2 high, 3 medium, 4 low, 5 unknown, 2 policy violations"],
      ["trustify", "1 critical"],
    ]) {
      const job = (await jobs()).find((one) => one.analyzer === analyzer);
      expect(await (await fetch(`${url}/jobs/${job?.id}`)).text()).toContain(words);
    }
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    for (const analyzer of rated)
      await expect.poll(metrics).toMatch(new RegExp(`build_watcher_findings\\{analyzer="${analyzer}",severity="low"\\} \\d`));
  });

  it("is told of where it is worse than the one before, by each of them", async () => {
    const services = await openServices();
    const receiver = await startReceiver();
    const notify = { BUILD_WATCHER_NOTIFY_URL: receiver.url };
    const { outcomes } = await startBotOf(services, notify, idleClock());
    await services.complete("app", 1);
    await expect.poll(() => outcomes()).toEqual(analysedBy(everyAnalyzer));
    await services.complete("app", 2, ({ digest }) => makeWorse(services, digest));
    await expect.poll(() => outcomes()).toEqual(analysedBy(everyAnalyzer, 2));
    const told = () =>
      receiver.received
        .filter(({ event }) => event.type === "io.build_watcher.findings.worse.v1")
        .map(({ event }) => {
          const { summary, job } = event.data as { summary: string; job: { analyzer: string } };
          return `${job.analyzer}: ${summary}`;
        })
        .toSorted();
    await expect
      .poll(told)
      .toEqual(rated.toSorted().map((name) => expect.stringMatching(new RegExp(`^${name}: \\d+ new .*since app-1$`))));
  });
});

/** Everybody finds more in it than in the one before. */
function makeWorse({ found, program, registry }: Services, digest: string): void {
  const vulns = Array.from({ length: 5 }, (_, at) => ({ cve: `CVE-9-${at}`, severity: "CRITICAL_VULNERABILITY_SEVERITY" }));
  const image = { id: digest, scan: { components: [{ name: "x", vulns }], notes: [] } };
  found.images[`${registry.host}/shop/app@${digest}`] = image;
  found.metrics.critical = 4;
  found.advisories.push({ uuid: "a-2", status: [affected("CVE-2026-8", "critical")] });
  found.vulnerabilities.push({ id: "CVE-2026-9", severity: "Critical" });
  program.print("critical", "high");
}

describe("services that are down for hours", () => {
  it("keep their own jobs waiting, no others', and each gets them when it is back", async () => {
    const services = await openServices();
    const clock = idleClock();
    const down = { rhacs: "rhacs", "dependency-track": "track", trustify: "trustify", "harbor-scanner": "harbor" } as const;
    for (const name of Object.values(down)) services[name].down();
    const { outcomes } = await startBotOf(services, {}, clock);
    for (const app of ["app", "bank"]) await services.complete(app);
    const others = ["thoth", "packages", "own-scanner"];
    for (const name of others) await expect.poll(() => outcomes(name)).toEqual(analysedBy([name], 2));
    const asked = () => Object.values(down).map((name) => services[name].requests.length);
    for (let passed = 0; passed < 2 * hour; passed += 30 * minute) {
      const before = asked();
      clock.leap(30 * minute);
      // Each was tried again, and is waited for again.
      await expect.poll(() => asked().every((count, at) => count > (before[at] ?? 0))).toBe(true);
    }
    await services.complete("late");
    for (const name of others) await expect.poll(() => outcomes(name)).toEqual(analysedBy([name], 3));
    const waiting = new Set(Object.keys(down));
    for (const [analyzer, name] of Object.entries(down)) {
      for (const other of waiting) expect(await outcomes(other)).not.toContain(`${other} analysed`);
      services[name].up();
      waiting.delete(analyzer);
      await expect.poll(() => outcomes(analyzer)).toEqual(analysedBy([analyzer], 3));
    }
  });
});

describe("a bill of materials that lies beside an image", () => {
  const cyclone = "application/vnd.cyclonedx+json";

  it("goes to the services, unchanged, in place of one of the bot's own", async () => {
    const services = await openServices();
    const { registry, track, trustify } = services;
    await using elsewhere = await startOddRegistry();
    const chosen = { BUILD_WATCHER_ANALYZERS: "dependency-track,trustify" };
    const { jobs, outcomes } = await startBotOf(services, chosen, idleClock());
    await services.complete("plain");
    await withAttached("cyclone", cyclone, cycloneDx(["theirs"]));
    await withAttached("both", "text/spdx+json", spdx(["spdx-theirs"]));
    await services.complete("listed", 1, (image) => {
      const list = makeReferrers(referrersOf("listed", image, [cyclone, cycloneDx(["listed"])])).manifest;
      const type = { "Content-Type": "application/vnd.oci.image.index.v1+json" };
      registry.oddity = replies("GET", new RegExp(`/referrers/${image.digest}`), 200, list, type);
    });
    await services.complete("tagged", 1, (image) => {
      const attached = referrersOf("tagged", image, [cyclone, cycloneDx(["tagged"])], ["application/spdx+json", spdx(["other"])]);
      registry.put("shop/tagged", makeReferrers(attached), tagFor(image));
    });
    const named = cycloneDx(["by-konflux"]);
    await completeRun(services, "konflux", `${registry.host}/shop/konflux@${digestOf(named)}`, named);
    await completeRun(services, "stolen", `${elsewhere.host}/shop/stolen@${digestOf(named)}`, named);
    await expect.poll(() => outcomes()).toEqual(analysedBy(["dependency-track", "trustify"], 7));
    const uploaded = Object.fromEntries(track.boms.map(({ projectName, bom }) => [projectName, namesIn(bom)]));
    const own = ["debian", "bash"];
    expect(uploaded).toEqual({
      ...{ "shop/plain": own, "shop/both": own, "shop/stolen": own },
      ...{ "shop/cyclone": ["theirs"], "shop/konflux": ["by-konflux"] },
      ...{ "shop/listed": ["listed"], "shop/tagged": ["tagged"] },
    });
    const texts = trustify.documents.map((text) => namesIn(JSON.parse(text)).join()).toSorted();
    expect(texts).toEqual(["by-konflux", "debian,bash", "debian,bash", "listed", "spdx-theirs", "tagged", "theirs"]);
    expect(trustify.documents).toContain(named.toString());
    const notes = (await jobs()).flatMap(({ result }) => result?.notes ?? []).join("\n");
    expect(notes).toContain("SPDX 2.3 document that is attached to the image was used");
    // A run cannot send the bot, and its logins, to another registry.
    expect(elsewhere.asked).toEqual([]);

    /** What is attached to an image, in its registry. A signed statement is not a document that services take. */
    function referrersOf(name: string, subject: MadeImage, ...documents: readonly (readonly [string, Buffer])[]) {
      const statement = Buffer.from(
        JSON.stringify({ payloadType: "application/vnd.in-toto+json", payload: "e30=", signatures: [] }),
      );
      const made = [["application/vnd.dev.sigstore.bundle.v0.3+json", statement] as const, ...documents].map(
        ([mediaType, bytes]) => makeArtifact({ mediaType, bytes, subject }),
      );
      for (const artifact of made) registry.put(`shop/${name}`, artifact);
      return made;
    }

    /** The document lies there before the build is told of. */
    function withAttached(name: string, mediaType: string, bytes: Buffer) {
      return services.complete(name, 1, (image) => {
        registry.put(`shop/${name}`, makeArtifact({ mediaType, bytes }), tagFor(image, ".sbom"));
      });
    }
  });

  /** A PipelineRun, as Konflux' pipelines end, whose image lies in the registry with a blob beside it. */
  async function completeRun(
    { world, registry, imageOf }: Services,
    name: string,
    document: string,
    bytes: Buffer,
  ): Promise<void> {
    const image = await imageOf(name);
    registry.put(`shop/${name}`, makeArtifact({ mediaType: "text/plain", bytes }));
    const run = aRun("PipelineRun", ({ metadata, status }) => {
      Object.assign(metadata, { namespace, name, uid: `uid-${name}` });
      const url = `${registry.host}/shop/${name}:latest\n`;
      status.results = results({ IMAGE_URL: url, IMAGE_DIGEST: image.digest, SBOM_BLOB_URL: `${document}\n` });
    });
    world.cluster.put("pipelineruns", run);
  }

  const namesIn = ({ components, packages }: Readonly<Record<string, unknown>>) =>
    ((components ?? packages) as readonly { name: string }[]).map(({ name }) => name);
});

describe("what nobody may see", () => {
  it("is in no command line, environment, log, ledger, error, metric, page, API, notification, annotation or Event", async () => {
    const services = await openServices();
    const { world, rhacs, track, trustify, harbor, program, registry } = services;
    const receiver = await startReceiver((number) => ({ status: number === 1 ? 500 : 204 }));
    const { rhacs: token, dependencyTrack: key, trustify: secret, harbor: login, registry: password } = secretsOfServices;
    const { quay, destination, notifyAddress, notifyKey, webhook } = secretsOfServices;
    const basic = Buffer.from(`robot:${password}`).toString("base64");
    const echo = (...texts: readonly string[]) => ({ status: 500, body: { error: { message: texts.join(" ") } } });
    rhacs.fail("/v1/images/scan", echo(token, `Bearer ${token}`));
    track.fail("/api/v1/bom", { status: 500, body: `key ${key}` });
    trustify.fail("/realms/trustify/protocol", { status: 400, body: { error: `invalid_client ${secret}` } });
    trustify.fail("/api/v3/sbom", echo("access-1"));
    harbor.fail("/api/v1/scan", echo(login, password, basic));
    world.analysis.fail({ status: 500, body: { error: `cannot pull with ${password}` } });
    program.failOnce();
    // Quay is where the images are.
    let scans = 0;
    registry.oddity = (_request, response, path) => {
      if (!path.startsWith("/api/v1/repository/")) return false;
      scans += 1;
      const body = scans === 1 ? { detail: `not for ${quay}` } : { status: "scanned", data: {} };
      response.writeHead(scans === 1 ? 500 : 200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      return true;
    };
    const more = {
      BUILD_WATCHER_ANALYZERS: `${everyAnalyzer.join()},quay`,
      BUILD_WATCHER_QUAY_URL: registry.url,
      BUILD_WATCHER_QUAY_TOKEN_FILE: secretFile(quay),
      BUILD_WATCHER_NOTIFY_URL: `${receiver.url}/${notifyAddress}`,
      BUILD_WATCHER_NOTIFY_SECRET: `whsec_${notifyKey}`,
      BUILD_WATCHER_WEBHOOK_SECRET: webhook,
      THOTH_DST_REGISTRY_USER: "robot",
      THOTH_DST_REGISTRY_PASSWORD: destination,
      BUILD_WATCHER_ANNOTATE: "1",
      BUILD_WATCHER_EVENTS: "1",
    };
    const { bot, url, jobs, outcomes } = await startBotOf(services, more, idleClock());
    await services.complete("app");
    await expect.poll(() => outcomes()).toEqual(analysedBy([...everyAnalyzer, "quay"]));
    await expect.poll(() => receiver.received.length).toBeGreaterThan(1);

    // The database's address has its own test: test/cli/check-database.test.ts.
    const given = new Set([...Object.keys(services.environment), ...Object.keys(more), "BUILD_WATCHER_DATABASE_URL"]);
    const secrets = Object.values(options).filter(
      (option) => "secret" in option || /_(TOKEN|KEY|SECRET|LOGIN)_FILE$/.test(option.env),
    );
    expect(secrets.map(({ env }) => env).filter((env) => !given.has(env))).toEqual([]);

    const paths = ["", "packages?q=bash", "metrics", "api/status", "api/jobs", "api/packages?name=bash"];
    const pages = await Promise.all(
      [...paths, ...(await jobs()).flatMap(({ id }) => [`jobs/${id}`, `api/jobs/${id}`])].map(async (path) =>
        (await fetch(`${url}/${path}`)).text(),
      ),
    );
    const build = () => JSON.stringify(world.cluster.get("builds", namespace, "app-1"));
    const events = () => eventsOf(world);
    await expect.poll(build).toContain("own-scanner-findings");
    await expect.poll(events).toContain("SubmissionRetrying");
    await bot.stop();
    const notifications = receiver.received.map(({ headers, body }) => ({ headers, body }));
    const written = [build(), await events(), JSON.stringify(notifications)];
    const seen = [...pages, ...written, bot.stdout(), bot.stderr(), stateOf(world), program.seen()];
    const hidden = [...Object.values(secretsOfServices), basic, "access-1", "access-2"];
    for (const text of hidden)
      for (const where of seen) expect(where.includes(text), `${text} in ${where.slice(0, 200)}`).toBe(false);
    // Where they belong they did arrive.
    expect(program.authFiles()).toContain(basic);
    expect(registry.logins).toContain(`Bearer ${quay}`);
    expect(receiver.received.every(({ path }) => path === `/${notifyAddress}`)).toBe(true);
    expect(harbor.requests.some(({ body }) => body.includes(basic))).toBe(true);
    expect(bot.stdout()).toContain("own-scanner failed with exit code 1");
  });
});
