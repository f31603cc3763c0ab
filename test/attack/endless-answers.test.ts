import { describe, expect, it } from "vitest";
import { openAnalyzers } from "../../src/analyzers/index.ts";
import type { Connection } from "../../src/cluster/access/connection.ts";
import { Agent } from "../../src/cluster/access/undici.ts";
import { type Api, createApi } from "../../src/cluster/api/api.ts";
import { ApiError } from "../../src/cluster/api/api-error.ts";
import { listPages } from "../../src/cluster/watching/pages.ts";
import { addressOption } from "../../src/config/analyzer-address.ts";
import { loadConfig } from "../../src/config/load.ts";
import { optionEntries, options } from "../../src/config/options.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { createHttpNotifier } from "../../src/notifications/http-notifier.ts";
import { headManifest } from "../../src/registry/reading/distribution.ts";
import { createImageReader, type ReadableImage } from "../../src/registry/reading/image-reader.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { documentsOf, request, secretFile } from "../support/analyzers.ts";
import { drippingError, startBadPeer, tricks } from "../support/bad-peer.ts";
import { fastClock } from "../support/fast-clock.ts";
import { openTestParts } from "../support/registry-parts.ts";

const signal = new AbortController().signal;
const digest = `sha256:${"a".repeat(64)}` as const;

/** What a registry is asked for, and the paths of those requests. */
interface Door {
  readonly path: RegExp;
  readonly ask: (image: ReadableImage, parts: RegistryParts, registry: string) => Promise<unknown>;
  /** What is answered at other paths. */
  readonly answer?: (path: string, host: string) => string | undefined;
}

const asksForToken = (_: string, host: string) =>
  `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="http://${host}/token"\r\nContent-Length: 0\r\n\r\n`;

const doors: Readonly<Record<string, Door>> = {
  "its greeting": { path: /^\/v2\/$/, ask: (image) => image.manifest("latest", signal) },
  "a manifest": { path: /\/manifests\//, ask: (image) => image.manifest("latest", signal) },
  "a token": { path: /^\/token/, ask: (image) => image.manifest("latest", signal), answer: asksForToken },
  "a blob": {
    path: /\/blobs\//,
    async ask(image) {
      for await (const _ of image.blob(digest, signal));
    },
  },
  "what is attached to an image": { path: /\/(?:referrers|manifests)\//, ask: (image) => image.referrers(digest, signal) },
  "the copy in the push registry": {
    path: /\/manifests\//,
    ask(_, { http }, registry) {
      const access = { registry, repository: "shop/app", login: undefined, verifyTls: false, certificates: "" };
      return headManifest(http.open({ ...access, actions: "pull,push" }), "latest", signal);
    },
  },
};

/** What may come of it: a failure of the registry's, or nothing that was found. */
function isHonest(outcome: unknown): boolean {
  if (outcome instanceof JobError) return outcome.reason !== "Unexpected";
  return outcome === undefined || (Array.isArray(outcome) && outcome.length === 0);
}

/** Every trick at one door. */
async function play({ path, ask, answer }: Door): Promise<Record<string, unknown>> {
  const outcomes = await Promise.all(
    Object.entries(tricks).map(async ([name, trick]) => {
      await using peer = await startBadPeer((asked) => (path.test(asked) ? trick : undefined), answer);
      const parts = openTestParts({ clock: fastClock(300) });
      const reference = parseImageReference(`${peer.host}/shop/app:latest`);
      const image = await createImageReader(parts).open(reference, { side: "source", ownLogin: false }, signal);
      const outcome = await ask(image, parts, peer.host).catch((error: unknown) => error);
      await peer.allLeft();
      parts.close();
      return [name, isHonest(outcome) || outcome] as const;
    }),
  );
  return Object.fromEntries(outcomes);
}

const all = Object.fromEntries(Object.keys(tricks).map((name) => [name, true]));

it("a registry that does not end its answers is waited for until a deadline, and its connections are closed", async () => {
  const names = Object.keys(doors);
  const outcomes = await Promise.all(Object.values(doors).map(play));
  expect(Object.fromEntries(outcomes.map((outcome, at) => [names[at], outcome]))).toEqual(
    Object.fromEntries(names.map((name) => [name, all])),
  );
});

/** Plays every trick on what asks the peer at this host. */
async function playAll(
  ask: (host: string) => Promise<unknown>,
  isTricked: (path: string) => boolean = () => true,
  answer?: (path: string) => string | undefined,
): Promise<Record<string, unknown>> {
  const outcomes = await Promise.all(
    Object.entries({ ...tricks, "an error byte by byte": drippingError }).map(async ([name, trick]) => {
      await using peer = await startBadPeer((path) => (isTricked(path) ? trick : undefined), answer);
      const outcome = await ask(peer.host).catch((error: unknown) => error);
      await peer.allLeft();
      return [name, outcome] as const;
    }),
  );
  return Object.fromEntries(outcomes);
}

const services = (options.analyzers.choices ?? []).filter((name) => addressOption(name)[0] !== "commandsFile");

/** One of these services at a peer, with a secret in every file that could hold one. */
function openService(service: string, host: string): ReturnType<typeof openAnalyzers> {
  const files = optionEntries.filter(([, { group, placeholder }]) => group === "Analysis services" && placeholder === "<file>");
  const secret = secretFile("TOPSECRET");
  const { config } = loadConfig({ flags: {}, environment: {} });
  const parts = { clock: fastClock(300), documents: documentsOf(), host: process, stateDirectory: "" };
  const own = Object.fromEntries([...files.map(([file]) => [file, secret]), [addressOption(service)[0], `http://${host}`]]);
  return openAnalyzers({ ...config, ...own, analyzers: [service] }, parts);
}

function expectOutages(outcomes: Record<string, unknown>): void {
  for (const [name, outcome] of Object.entries(outcomes)) expect(outcome, name).toBeInstanceOf(JobError);
  expect(outcomes["a body shorter than its length"]).toMatchObject({ reason: "AnalyzerFailed" });
}

it.each(services)("%s is waited for until a deadline, and a broken answer is no wrong address", async (service) => {
  const outcomes = await playAll(async (host) => {
    await using opened = openService(service, host);
    const output = { ...request.output, reference: { ...request.output.reference, registry: host } };
    return await opened.analyzers[0]?.submit({ ...request, output }, signal);
  });
  expectOutages(outcomes);
});

/** The paths of the questions about an analysis, and what is answered before them. */
const questions: Readonly<Record<string, { readonly id: string; readonly paths: readonly RegExp[] }>> = {
  thoth: { id: "analysis-1", paths: [/\/status$/] },
  "dependency-track": {
    id: "token.uuid",
    paths: [
      /\/event\/token\//,
      /\/metrics\/project\/uuid\/current$/,
      /\/api\/version$/,
      /\/api\/v1\/project\/uuid$/,
      /\/refresh$/,
    ],
  },
  trustify: { id: "urn:1", paths: [/\/advisory$/] },
  "harbor-scanner": { id: "scan-1", paths: [/\/metadata$/, /\/report$/] },
  quay: { id: `shop/app@${digest}`, paths: [/\/security/] },
};

const said: Readonly<Record<string, object>> = {
  "/api/v1/event/token/token": { processing: false },
  "/api/v1/metrics/project/uuid/current": { components: 3, critical: 1, lastOccurrence: 1 },
  "/api/version": { application: "Dependency-Track", version: "4.13.0" },
  "/api/v1/project/uuid": { lastBomImport: 2 },
  "/api/v1/metrics/project/uuid/refresh": {},
  "/metadata": {
    capabilities: [
      {
        consumes_mime_types: ["application/vnd.oci.image.manifest.v1+json"],
        produces_mime_types: ["application/vnd.security.vulnerability.report; version=1.1"],
      },
    ],
  },
};

function sayIt(path: string): string | undefined {
  const answer = said[path.split("?")[0] ?? ""];
  if (answer === undefined) return undefined;
  const body = JSON.stringify(answer);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

it("every service is waited for until a deadline when it is asked how an analysis goes", async () => {
  const asked = Object.entries(questions).flatMap(([service, { id, paths }]) => paths.map((path) => ({ service, id, path })));
  const told = await Promise.all(
    asked.map(async ({ service, id, path }) => {
      const ask = async (host: string) => {
        await using opened = openService(service, host);
        return await opened.analyzers[0]?.status?.(id, signal);
      };
      return { path, outcomes: await playAll(ask, (its) => path.test(its.split("?")[0] ?? ""), sayIt) };
    }),
  );
  for (const { path, outcomes } of told) {
    if (!path.source.includes("refresh")) expectOutages(outcomes);
    // What a refresh answers is not looked at.
    else
      for (const [name, outcome] of Object.entries(outcomes))
        expect(outcome instanceof JobError || (outcome as { state?: string }).state === "running", name).toBe(true);
  }
});

it.each([
  ["dependency-track", /\/current$/],
  ["harbor-scanner", /\/report$/],
] as const)("an empty answer of %s does not mean that nothing was found", async (service, path) => {
  const empty = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  await using peer = await startBadPeer((its) => (path.test(its) ? (socket) => void socket.write(empty) : undefined), sayIt);
  await using opened = openService(service, peer.host);
  const status = opened.analyzers[0]?.status?.(questions[service]?.id ?? "", signal);
  await expect(status).rejects.toMatchObject({ reason: "AnalyzerProtocol" });
});

it("every service that is asked again is among them", async () => {
  for (const service of services) {
    await using opened = openService(service, "127.0.0.1:1");
    expect(service in questions, service).toBe(opened.analyzers[0]?.status !== undefined);
  }
});

it("a gateway for metrics is waited for until a deadline", async () => {
  const outcomes = await playAll((host) =>
    createMetrics({ ofProcess: false }).push({ url: `http://${host}`, instance: "a", timeout: 400 }),
  );
  for (const [name, outcome] of Object.entries(outcomes))
    expect(outcome === undefined || outcome instanceof Error, name).toBe(true);
});

it("a receiver of notifications is waited for until a deadline, and its words are not read", async () => {
  const outcomes = await playAll(async (host) => {
    const settings = { secret: undefined, allowLocal: true, inPod: false, clock: fastClock(300) };
    const notifier = createHttpNotifier({ ...settings, urls: [`http://${host}/hook`] });
    const [id = ""] = notifier.receivers;
    return notifier.deliver(id, { id: "1", type: "t", data: {} } as never, signal).finally(() => notifier.close());
  });
  for (const [name, outcome] of Object.entries(outcomes))
    expect(outcome instanceof Error || (outcome as { status: number }).status === 200, name).toBe(true);
});

describe("the API server", () => {
  const asking: Readonly<Record<string, (api: Api) => Promise<unknown>>> = {
    object: (api) => api.getJson("/x", {}, signal),
    async list(api) {
      const settings = { api, path: "/x", query: {}, pageSize: 10, silence: api.patience, read: (object: unknown) => object };
      for await (const _ of listPages(settings, signal));
    },
  };

  it.each(Object.entries(asking))("asked for an %s is waited for until a deadline", async (_, ask) => {
    const outcomes = await playAll(async (host) => {
      const agent = new Agent();
      const get = (path: string, its: AbortSignal) =>
        agent.request({ origin: `http://${host}`, path, method: "GET", signal: its });
      const connection = { server: host, get } as unknown as Connection;
      return ask(createApi({ connection, clock: fastClock(300), requestTimeout: 30_000 })).finally(() => agent.destroy());
    });
    const harmless = ["a body longer than its length", "a body that is not packed as it says"];
    for (const [name, outcome] of Object.entries(outcomes))
      if (!harmless.includes(name)) expect(outcome, name).toBeInstanceOf(ApiError);
  });
});
