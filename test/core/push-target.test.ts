import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Digest, type ImageReference, parseImageReference } from "../../src/core/image-reference.ts";
import {
  matchesRegistry,
  mayCopy,
  type PushLayout,
  type PushRules,
  planCopy,
  pushTarget,
  readPushSettings,
  staysInPlace,
} from "../../src/core/push-target.ts";

const digest: Digest = `sha256:0123456789ab${"c".repeat(52)}`;

function rules(settings: { registry?: string; layout?: PushLayout; template?: string; skip?: string[] } = {}): PushRules {
  return readPushSettings({ registry: "push.example.com/mirror", layout: "default", skip: [], ...settings });
}

function place(source: string, settings: Parameters<typeof rules>[0] = {}): string {
  const { registry, repository, tags } = pushTarget(parseImageReference(source), digest, rules(settings));
  return `${registry}/${repository} ${tags.join(" ")}`;
}

describe("where a copy goes", () => {
  it.each([
    [
      "the cluster's images by namespace and name",
      "image-registry.svc:5000/jupyter/hub:v1",
      "push.example.com/mirror/jupyter-hub v1 sha256-0123456789ab",
    ],
    ["images without tag by a tag of their digest", "quay.io/org/app", "push.example.com/mirror/org-app sha256-0123456789ab"],
    ["long paths with dashes", "quay.io/a/b/c:V_1", "push.example.com/mirror/a-b-c V_1 sha256-0123456789ab"],
    ["Docker Hub's own images", "fedora:30", "push.example.com/mirror/library-fedora 30 sha256-0123456789ab"],
    ["images without a namespace", "localhost:5000/app:x", "push.example.com/mirror/app x sha256-0123456789ab"],
  ])("names %s", (_, source, expected) => {
    expect(place(source)).toBe(expected);
  });

  it.each([
    ["flat", { layout: "flat" as const }, "push.example.com/mirror app-sha256-0123456789ab"],
    ["legacy", { layout: "legacy" as const }, "push.example.com/mirror/app v1 sha256-0123456789ab"],
    [
      "a template's path",
      { template: "{registry}/{namespace}/{name}" },
      "push.example.com/mirror/quay.io/org/app v1 sha256-0123456789ab",
    ],
    [
      "a template's tag",
      { template: "all:{name}-{tag}-{digest12}" },
      "push.example.com/mirror/all app-v1-0123456789ab sha256-0123456789ab",
    ],
    ["a registry without a path", { registry: "localhost:5000" }, "localhost:5000/org-app v1 sha256-0123456789ab"],
    ["a registry written as a URL", { registry: "https://quay.io/me/" }, "quay.io/me/org-app v1 sha256-0123456789ab"],
  ])("follows the layout: %s", (_, settings, expected) => {
    expect(place("quay.io/org/app:v1", settings)).toBe(expected);
  });

  it("keeps the same name in two namespaces apart", () => {
    expect(place("r.example.com/one/app:latest").split(" ")[0]).not.toBe(place("r.example.com/two/app:latest").split(" ")[0]);
  });

  it("has only the source's tag, or latest, while the digest is unknown", () => {
    expect(pushTarget(parseImageReference("quay.io/org/app:v1"), undefined, rules()).tags).toEqual(["v1"]);
    expect(pushTarget(parseImageReference("quay.io/org/app"), undefined, rules()).tags).toEqual(["latest"]);
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
    ["*", "anything:1", true],
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
      target: { repository: "mirror/org-app", tags: ["v1"] },
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

  it("a copy of another image has another name", () => {
    fc.assert(
      fc.property(anyImage, anyImage, anyRules, (one, other, settings) => {
        fc.pre(one.digest.slice(0, 19) !== other.digest.slice(0, 19));
        const names = [one, other].map((image) => {
          const { repository, tags } = pushTarget(image, image.digest, settings);
          return `${repository}:${tags.at(-1)}`;
        });
        expect(names[0]).not.toBe(names[1]);
      }),
    );
  });

  it("paths of the same namespace depth meet only where their dashes do", () => {
    const plain = fc.stringMatching(/^[a-z0-9]{1,12}$/);
    fc.assert(
      fc.property(plain, plain, plain, plain, (namespace, name, otherNamespace, otherName) => {
        const repositoryOf = (path: string) =>
          pushTarget({ registry: "r.example", repository: path }, undefined, rules()).repository;
        const same = repositoryOf(`${namespace}/${name}`) === repositoryOf(`${otherNamespace}/${otherName}`);
        expect(same).toBe(namespace === otherNamespace && name === otherName);
      }),
    );
  });
});
