import { describe, expect, it } from "vitest";
import type { AnalysisRequest } from "../../../src/analyzers/analyzer.ts";
import { handlerSettings } from "../../../src/app/settings.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { type ImageReference, parseImageReference } from "../../../src/core/images/image-reference.ts";
import { liesAt, registryLogins } from "../../../src/pipeline/builds/registry-logins.ts";
import { createJobHandler } from "../../../src/pipeline/process-job.ts";

const digest = `sha256:${"1".repeat(64)}`;
const internal = "image-registry.openshift-image-registry.svc:5000";
const route = "registry.apps.example.com";
const own = parseImageReference(`${internal}/shop/cart@${digest}`);
const elsewhere = parseImageReference(`registry.example.com/shop/cart@${digest}`);
const token = { user: "serviceaccount", password: "cluster-token" };
const cluster = {
  ownsImage: ({ registry }: ImageReference) => registry === internal || registry === route,
  registryLogin: async () => token,
};
const never = new AbortController().signal;

describe("registryLogins", () => {
  const nothing = { passToken: false, sourceUser: undefined, sourcePassword: undefined, sourceRegistry: [] };
  const withToken = { ...nothing, passToken: true };
  const source = { ...nothing, sourceUser: "me", sourcePassword: "source-password" };
  const named = (...sourceRegistry: string[]) => ({ ...source, sourceRegistry });

  it.each([
    ["the token with an image of the cluster's registry", withToken, own, "cluster-token"],
    ["no token when passing it was not asked for", nothing, own, undefined],
    ["no token to an external registry", withToken, elsewhere, undefined],
    ["no token to a registry that is named for the source login", { ...withToken, ...named(elsewhere.registry) }, own, undefined],
    ["the source login with the cluster's own image", source, own, "source-password"],
    ["no source login to a registry that nobody named", source, elsewhere, undefined],
    ["the source login to the registry named", named("registry.example.com"), elsewhere, "source-password"],
    ["the source login to each registry named", named("quay.io", "Registry.example.com"), elsewhere, "source-password"],
    ["no source login to another port", named("registry.example.com:8443"), elsewhere, undefined],
    ["no source login below the domain named", named("example.com"), elsewhere, undefined],
    ["no source login to the cluster's registry beside the one named", named("registry.example.com"), own, undefined],
    ["the source login to the cluster's registry by any of its hosts", named(route), own, "source-password"],
    ["the token before the source login", { ...source, passToken: true }, own, "cluster-token"],
  ])("sends %s", async (_, settings, image, password) => {
    expect((await registryLogins(cluster, settings).loginFor(image, never))?.password).toBe(password);
  });
});

describe("liesAt", () => {
  it("compares hosts by name and port, ignoring case", () => {
    expect(liesAt(elsewhere, ["REGISTRY.example.com"])).toBe(true);
    expect(liesAt(elsewhere, ["registry.example.com:5000"])).toBe(false);
    expect(liesAt(elsewhere, ["registry.example.com:443"])).toBe(true);
    expect(liesAt(parseImageReference("registry-1.docker.io/me/app"), ["docker.io"])).toBe(true);
    expect(liesAt(elsewhere, [])).toBe(false);
  });
});

describe("a job with a source login", () => {
  const login = { THOTH_SRC_REGISTRY_USER: "me", THOTH_SRC_REGISTRY_PASSWORD: "source-password" };

  /** Whether the login is used to pull the job's output, and with which password the analysis service gets the image in place. */
  async function uses(image: ImageReference, environment: Readonly<Record<string, string>>) {
    const { config } = loadConfig({ flags: {}, environment: { ...login, ...environment } });
    const settings = handlerSettings(config, cluster);
    const pulls: (boolean | undefined)[] = [];
    const requests: AnalysisRequest[] = [];
    const handle = createJobHandler({
      ...settings,
      cluster: {
        resolveImage: async () => image,
        externalImage: async (name) => name,
        ownsImage: cluster.ownsImage,
        namespaces: [undefined],
        readBuildLog: async () => undefined,
      },
      copier: {
        async copy(name, _, options) {
          pulls.push(options?.inSourceRegistry);
          return name;
        },
        copyLogin: async () => undefined,
      },
      analyzers: [
        {
          name: "recording",
          discover: async () => undefined,
          async submit(request) {
            requests.push(request);
            return { analyzer: "recording", analyses: [], notes: [] };
          },
        },
      ],
    });
    const name = { kind: "reference", reference: image } as const;
    await handle({ id: "build-u-1", analyzer: "recording", cause: "build", output: name, base: name }, never);
    const passwords = requests.flatMap(({ output, base }) => [output?.login?.password, base?.login?.password]);
    return { pulls, passwords };
  }

  const kept = { pulls: [false, false], passwords: [undefined, undefined] };
  const sent = { pulls: [true, true], passwords: ["source-password", "source-password"] };

  it("keeps it from a foreign registry that output and base lie in", async () => {
    expect(await uses(elsewhere, {})).toEqual(kept);
    expect(await uses(elsewhere, { BUILD_WATCHER_SRC_REGISTRY: "quay.io" })).toEqual(kept);
  });

  it("uses it for the registry that is named", async () => {
    expect(await uses(elsewhere, { BUILD_WATCHER_SRC_REGISTRY: "quay.io, registry.example.com" })).toEqual(sent);
  });

  it("uses it for the cluster's registry without a name", async () => {
    expect(await uses(own, {})).toEqual(sent);
  });
});
