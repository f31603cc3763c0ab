import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { whyNoImage } from "../../../src/core/images/image-kind.ts";
import { type Digest, type ImageReference, parseImageReference, repositoryOf } from "../../../src/core/images/image-reference.ts";
import {
  matchesRegistry,
  mayCopy,
  type PushLayout,
  type PushRules,
  type PushSettings,
  planCopy,
  pushTarget,
  readPushSettings,
  type Separation,
  separationOf,
  staysInPlace,
} from "../../../src/core/images/push-target.ts";

const digest: Digest = `sha256:0123456789ab${"c".repeat(52)}`;

/** Stands for the cluster's own registry. */
const cluster = "image-registry.openshift-image-registry.svc:5000";

function rules(settings: Partial<PushSettings> = {}): PushRules {
  return readPushSettings({
    registry: "push.example.com/mirror",
    layout: "default",
    skip: [],
    owns: (host) => host === cluster,
    ...settings,
  });
}

function place(source: string, settings: Partial<PushSettings> = {}): string {
  const { registry, repository, tags } = pushTarget(parseImageReference(source), digest, rules(settings));
  return `${registry}/${repository} ${tags.join(" ")}`;
}

const last = `digest-${digest.slice(7)}`;

describe("where a copy goes", () => {
  it.each([
    ["the cluster's images by project and name", `${cluster}/jupyter/hub:v1`, `push.example.com/mirror/jupyter-hub v1 ${last}`],
    ["a dash in the name", `${cluster}/shop/eu-cart:v1`, `push.example.com/mirror/shop-eu-cart v1 ${last}`],
    ["a dash in the project", `${cluster}/shop-eu/cart:v1`, `push.example.com/mirror/shop-eu_cart v1 ${last}`],
    ["an underscore in the name", `${cluster}/shop/my_app:v1`, `push.example.com/mirror/shop_my_app v1 ${last}`],
    ["images without tag by their digest", "quay.io/org/app", `push.example.com/mirror/quay.io_org_app ${last}`],
    ["other registries' images by host and path", "quay.io/a/b/c:V_1", `push.example.com/mirror/quay.io_a_b_c V_1 ${last}`],
    ["Docker Hub's own images", "fedora:30", `push.example.com/mirror/docker.io_library_fedora 30 ${last}`],
    ["a host with a port", "reg.example:5000/org/app:x", `push.example.com/mirror/reg.example-5000_org_app x ${last}`],
    [
      "a host without a dot, with a hash",
      "localhost:5000/app:x",
      `push.example.com/mirror/localhost-5000-app_a2cc29f2a2fb2327dccb358cdff26f74 x ${last}`,
    ],
    [
      "an underscore elsewhere, with a hash",
      "quay.io/org/my_app:x",
      `push.example.com/mirror/quay.io-org-my-app_95113139e0e42a816c1c5f8bc5f4ecf6 x ${last}`,
    ],
  ])("names %s", (_, source, expected) => {
    expect(place(source)).toBe(expected);
  });

  it.each<[string, Partial<PushSettings>, string]>([
    ["flat", { layout: "flat" }, `push.example.com/mirror app-${last}`],
    ["legacy", { layout: "legacy" }, `push.example.com/mirror/app v1 ${last}`],
    ["a template's path", { template: "{registry}/{path}" }, `push.example.com/mirror/quay.io/org/app v1 ${last}`],
    ["a template's tag", { template: "all:{name}-{tag}-{digest12}" }, `push.example.com/mirror/all app-v1-0123456789ab ${last}`],
    ["a template's digest", { template: "all:{name}-{digest}" }, `push.example.com/mirror/all app-${digest.slice(7)} ${last}`],
    ["a registry without a path", { registry: "localhost:5000" }, `localhost:5000/quay.io_org_app v1 ${last}`],
    ["a registry written as a URL", { registry: "https://quay.io/me/" }, `quay.io/me/quay.io_org_app v1 ${last}`],
    [
      "a template with the Python build-watcher's names on quay.io",
      { registry: "quay.io/org", template: "repo:{name}-{tag|digest}" },
      `quay.io/org/repo app-v1 ${last}`,
    ],
    [
      "the Python build-watcher's names elsewhere",
      { registry: "reg.example.com/me", layout: "legacy" },
      `reg.example.com/me/app v1 ${last}`,
    ],
  ])("follows the layout: %s", (_, settings, expected) => {
    expect(place("quay.io/org/app:v1", settings)).toBe(expected);
  });

  it("names an image without a tag as the Python build-watcher did: on quay.io by its bare digest, elsewhere by its digest alone", () => {
    const image = `registry.example.com/ubi9/nodejs@${digest}`;
    const quay = { registry: "quay.io/org", template: "repo:{name}-{tag|digest}" };
    expect(place(image, quay)).toBe(`quay.io/org/repo nodejs-${digest.slice(7)} ${last}`);
    expect(place(image, { registry: "reg.example.com/me", layout: "legacy" })).toBe(`reg.example.com/me/nodejs ${last}`);
  });

  const referrers = `sha256-${digest.slice(7)}`;

  it.each([
    last,
    referrers,
    `${referrers}.sig`,
    `${referrers}.att`,
    `${referrers}.sbom`,
    "sha256-0123456789ab",
    "SHA256-x",
    "sha512-x",
  ])("never takes over the tag %s, which looks like one of its own or of cosign's", (tag) => {
    for (const settings of [{}, { layout: "legacy" as const }, { template: "{name}:{tag}" }]) {
      const { tags } = pushTarget(parseImageReference(`quay.io/org/app:${tag}`), digest, rules(settings));
      expect(tags).toEqual([last]);
    }
    expect(place("quay.io/org/sha256:v1", { layout: "flat" })).toBe(`push.example.com/mirror ${last}`);
  });

  it("has only the source's tag, or latest, while the digest is unknown", () => {
    expect(pushTarget(parseImageReference("quay.io/org/app:v1"), undefined, rules()).tags).toEqual(["v1"]);
    expect(pushTarget(parseImageReference("quay.io/org/app"), undefined, rules()).tags).toEqual(["latest"]);
    expect(pushTarget(parseImageReference("quay.io/org/app:sha256-x"), undefined, rules()).tags).toEqual([]);
  });
});

describe("between whose images a layout keeps names apart", () => {
  it.each<[Partial<PushSettings>, Separation]>([
    [{}, "all"],
    [{ layout: "flat" }, "all"],
    [{ layout: "legacy" }, "none"],
    [{ template: "{registry}/{path}" }, "all"],
    [{ template: "{name}:{digest}" }, "all"],
    [{ template: "{path}" }, "one-registry"],
    [{ template: "{registry}/{namespace}/{name}" }, "one-registry"],
    [{ template: "{namespace}-{name}" }, "none"],
    [{ template: "x{registry}/{path}" }, "one-registry"],
    [{ template: "{name}:{digest12}" }, "none"],
  ])("%j: %s", (settings, expected) => {
    expect(separationOf(rules(settings))).toBe(expected);
  });
});

describe("settings that make no valid name", () => {
  it.each([
    [
      "flat without a repository",
      { registry: "quay.io", layout: "flat" as const },
      /BUILD_WATCHER_PUSH_LAYOUT=flat.*THOTH_PUSH_REGISTRY/,
    ],
    ["a registry with a tag", { registry: "quay.io/org/app:v1" }, /THOTH_PUSH_REGISTRY/],
    ["an upper case path", { registry: "quay.io/Org" }, /THOTH_PUSH_REGISTRY/],
    ["an unknown placeholder", { template: "{namespace}/{image}" }, /\{image\} is unknown.*\{name\}/],
    ["upper case letters", { template: "Mirror/{name}" }, /BUILD_WATCHER_PUSH_TEMPLATE.*path/],
    ["a path that ends in a slash", { template: "{name}/" }, /path/],
    ["an empty template", { template: "" }, /path/],
    ["a digest", { template: "{name}@{digest12}" }, /no digest/],
    ["two tags", { template: "{name}:{tag}:x" }, /one tag/],
    ["an invalid tag", { template: "{name}:-{tag}" }, /tag is not valid/],
  ])("are refused at start: %s", (_, settings, message) => {
    expect(() => rules(settings)).toThrow(message);
  });
});

describe("images that stay where they are", () => {
  it.each([
    ["registry.access.redhat.com", "registry.access.redhat.com", true],
    ["*.redhat.com", "registry.access.redhat.com", true],
    ["*.redhat.com", "redhat.com.evil.example", false],
    ["quay.io", "myquay.io", false],
    ["Quay.IO", "quay.io", true],
    ["registry", "registry:5000", true],
    ["registry:5000", "registry:5001", false],
    ["quay.io:443", "quay.io", true],
    ["quay.io", "quay.io:443", true],
    ["quay.io:443", "quay.io:8443", false],
    ["docker.io", "registry-1.docker.io", true],
    ["registry.hub.docker.com", "docker.io", true],
    ["*.docker.io", "registry-1.docker.io", true],
    ["*", "anything:1", true],
    ["*.*.example", "a.b.example", true],
    ["*aa*aa*", "aaa", false],
  ])("pattern %s and host %s: %s", (pattern, host, expected) => {
    expect(matchesRegistry(pattern, host)).toBe(expected);
  });

  it.each([
    ["quay.io/org/app:v1", "excluded"],
    ["push.example.com/mirror/org-app:v1", "already-there"],
    ["push.example.com/mirrored/org-app:v1", undefined],
    ["docker.io/library/fedora:30", undefined],
  ])("%s: %s", (image, expected) => {
    expect(staysInPlace(parseImageReference(image), rules({ skip: ["quay.io"] }))).toBe(expected);
  });

  it.each([
    ["push.example.com:443/mirror", "push.example.com/mirror/shop-app:v1", true],
    ["push.example.com/mirror", "push.example.com:443/mirror/shop-app:v1", true],
    ["Push.Example.com/mirror", "push.example.com/mirror/shop-app:v1", true],
    ["docker.io/me", "registry-1.docker.io/me/shop-app:v1", true],
    ["registry.hub.docker.com/me", "docker.io/me/shop-app:v1", true],
    ["index.docker.io/me", "registry.hub.docker.com/me/shop-app:v1", true],
    ["push.example.com:8443/mirror", "push.example.com/mirror/shop-app:v1", false],
  ])("are in the push registry %s under the name %s: %s", (registry, image, expected) => {
    expect(staysInPlace(parseImageReference(image), rules({ registry })) === "already-there").toBe(expected);
  });

  it.each<[string, { output?: string; base?: string }, boolean]>([
    ["a log alone", {}, false],
    ["an image to copy", { output: "docker.io/org/app:v1" }, true],
    ["an image of an excluded registry", { output: "quay.io/org/app:v1" }, false],
    ["a copy, with a base to copy", { output: "push.example.com/mirror/app:v1", base: "docker.io/org/base:v1" }, true],
    ["a copy, with an excluded base", { output: "push.example.com/mirror/app:v1", base: "quay.io/org/base:v1" }, false],
  ])("make a job that copies nothing: %s", (_, names, expected) => {
    const job = Object.fromEntries(
      Object.entries(names).map(([part, text]) => [part, { kind: "reference", reference: parseImageReference(text) }]),
    );
    expect(mayCopy(job, rules({ skip: ["quay.io"] }))).toBe(expected);
  });

  it("cannot be told by the name of an image stream's tag", () => {
    const base = { kind: "stream-tag", namespace: "shop", stream: "base", tag: "latest" } as const;
    expect(mayCopy({ base }, rules({ skip: ["*"] }))).toBe(true);
  });

  it("are told apart from copied ones in a plan", () => {
    const settings = rules({ skip: ["quay.io"] });
    expect(planCopy(parseImageReference("quay.io/org/app:v1"), settings)).toEqual({ kind: "stays", because: "excluded" });
    expect(planCopy(parseImageReference("docker.io/org/app:v1"), settings)).toMatchObject({
      kind: "copied",
      target: { repository: "mirror/docker.io_org_app", tags: ["v1"] },
    });
  });
});

const component = fc.stringMatching(/^[a-z0-9]{1,20}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,20}){0,3}$/);
const longComponent = fc.oneof({ weight: 9, arbitrary: component }, { weight: 1, arbitrary: fc.constant("x".repeat(60)) });
const anyDigest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex): Digest => `sha256:${hex}`);
const anyImage: fc.Arbitrary<ImageReference & { digest: Digest }> = fc
  .record({
    registry: fc.constantFrom("quay.io", "localhost:5000", "image-registry.openshift-image-registry.svc:5000", "Host.example:1"),
    path: fc.array(longComponent, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/)),
    digest: anyDigest,
  })
  .map(({ registry, path, tag, digest: own }) => ({ registry, repository: path.join("/"), digest: own, ...(tag && { tag }) }));
const anyRules = fc.oneof(
  fc.constantFrom<PushLayout>("default", "flat", "legacy").map((layout) => rules({ layout })),
  fc
    .constantFrom(
      "{namespace}/{name}",
      "{registry}/{tag}",
      "{namespace}",
      "x/{tag}-{name}:{tag}",
      "{name}:{digest12}.{tag}-{name}",
    )
    .map((template) => rules({ template })),
);

describe("whatever the image is called", () => {
  it("its copy has a name and tags that every registry takes", () => {
    fc.assert(
      fc.property(anyImage, anyRules, fc.boolean(), (image, settings, pinned) => {
        const { registry, repository, tags } = pushTarget(image, pinned ? image.digest : undefined, settings);
        expect(tags.length).toBeGreaterThan(0);
        expect(`${registry}/${repository}`.length).toBeLessThanOrEqual(255);
        expect(repository === "mirror" || repository.startsWith("mirror/")).toBe(true);
        for (const tag of tags)
          expect(parseImageReference(`${registry}/${repository}:${tag}`)).toEqual({ registry, repository, tag });
      }),
    );
  });

  it("its copy has no tag that holds what refers to an image", () => {
    fc.assert(
      fc.property(anyImage, anyRules, fc.boolean(), anyDigest, fc.boolean(), (image, settings, pinned, other, tagged) => {
        const source = tagged ? { ...image, tag: other.replace(":", "-") } : image;
        const { tags } = pushTarget(source, pinned ? image.digest : undefined, settings);
        expect(tags.filter((tag) => whyNoImage({ tag }))).toEqual([]);
      }),
    );
  });

  it("a copy of another image has another name", () => {
    fc.assert(
      fc.property(anyImage, anyImage, anyRules, (one, other, settings) => {
        fc.pre(one.digest !== other.digest);
        const names = [one, other].map((image) => {
          const { repository, tags } = pushTarget(image, image.digest, settings);
          return `${repository}:${tags.at(-1)}`;
        });
        expect(names[0]).not.toBe(names[1]);
      }),
    );
  });
});

describe("images of two places", () => {
  const letter = fc.constantFrom("a", "b", "1", "-", "_", "__", "--", ".", "/", ":5000", "0".repeat(32), "x.y");
  /** Hosts and paths made of the same few pieces, so that they come close to each other. */
  const near = fc
    .tuple(
      fc.constantFrom(cluster, "a.b", "a.b:5000", "a.b-5000", "a:5000", "localhost", "A.b", "a-a.b"),
      fc.array(letter, { maxLength: 7 }),
    )
    .map(([host, pieces]) => `${host}/${pieces.join("")}`)
    .filter((text) => isReadable(text));

  const manyNear = fc.array(near, { minLength: 150, maxLength: 150 });

  it.each<[string, Partial<PushSettings>]>([
    ["by default", {}],
    ["with the template {registry}/{path}", { template: "{registry}/{path}" }],
  ])("never share a repository %s", (_, settings) => {
    const set = rules(settings);
    fc.assert(
      fc.property(manyNear, (names) => {
        const places = new Set(names.map((name) => repositoryOf(parseImageReference(name))));
        const copies = new Set(names.map((name) => pushTarget(parseImageReference(name), digest, set).repository));
        expect(copies.size).toBe(places.size);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    [`${cluster}/shop-eu/cart`, `${cluster}/shop/eu-cart`],
    ["evil.example/shop/cart", `${cluster}/shop/cart`],
    ["docker.io/library/nginx", "evil.example/library/nginx"],
    [`${cluster}/a/b_c`, `${cluster}/a-b/c`],
    ["r.example:5000/org/app", "r.example-5000/org/app"],
    ["r.example/a_b/c", "r.example/a/b/c"],
    ["localhost:5000/app", `${cluster}/${pathOf("localhost:5000/app").replace("_", "/")}`],
    ["a.b-5000/x_y", `${pathOf("a.b-5000/x_y").replace("_", "/")}`],
    [`a.b/${"x/".repeat(100)}y`, `a.b/${"x/".repeat(100)}z`],
    [`a.b/${"x/".repeat(100)}y`, pathOf(`a.b/${"x/".repeat(100)}y`).replace("_", "/")],
  ])("%s and %s have names of their own", (one, other) => {
    expect(repositoryIn(parseImageReference(one))).not.toBe(repositoryIn(parseImageReference(other)));
  });
});

function isReadable(text: string): boolean {
  try {
    return parseImageReference(text).tag === undefined;
  } catch {
    return false;
  }
}

function repositoryIn(image: ImageReference): string {
  return pushTarget(image, digest, rules()).repository;
}

function pathOf(name: string): string {
  return repositoryIn(parseImageReference(name)).slice("mirror/".length);
}
