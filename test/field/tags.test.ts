import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { copyName } from "../../src/core/images/copy-name.ts";
import { type Digest, parseImageReference } from "../../src/core/images/image-reference.ts";
import { createTagMemory, type TagMemory } from "../../src/core/images/tag-memory.ts";
import { createWorld } from "../support/bot.ts";
import { openTestCopier, type TestCopier } from "../support/copier.ts";
import { answers, errorBody, type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { type MadeImage, makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { aRun, results } from "../support/runs.ts";

const signal = new AbortController().signal;
const manifestOf = (tag: string) => new RegExp(`/manifests/${tag}$`);

/** How registries say that a tag stays with its first image, or that a further tag is not welcome. */
const refusals: readonly (readonly [string, Fault])[] = [
  [
    "ECR",
    answers(
      "PUT",
      manifestOf("latest"),
      400,
      errorBody(
        "TAG_INVALID",
        "The image tag 'latest' already exists and cannot be overwritten because the repository is immutable.",
      ),
    ),
  ],
  [
    "Harbor",
    answers(
      "PUT",
      manifestOf("latest"),
      412,
      errorBody("PRECONDITION", "Failed to process request due to 'app:latest' configured as immutable."),
    ),
  ],
  ["Quay", answers("PUT", manifestOf("latest"), 409, errorBody("TAG_IMMUTABLE", "tag latest is immutable"))],
  ["Artifactory", answers("PUT", manifestOf("latest"), 403, errorBody("DENIED", "Not enough permissions to overwrite artifact"))],
  [
    "Google",
    answers(
      "PUT",
      manifestOf("latest"),
      400,
      errorBody("MANIFEST_INVALID", "cannot update tag latest. The repository has enabled tag immutability"),
    ),
  ],
  [
    "Nexus",
    answers("PUT", manifestOf("latest"), 400, errorBody("UNKNOWN", "Repository does not allow updating assets: docker-hosted")),
  ],
  [
    "Azure",
    answers(
      "PUT",
      manifestOf("latest"),
      405,
      errorBody("DENIED", "The operation is disallowed on this registry, repository or image."),
    ),
  ],
  ["GitLab", answers("PUT", manifestOf("latest"), 403, errorBody("DENIED", "protected tag"))],
  ...[400, 404, 405, 411, 415, 422, 429, 500, 501, 503].map(
    (status) => [String(status), answers("PUT", manifestOf("latest"), status, "")] as const,
  ),
];

requirePrograms("skopeo", "docker-registry")("tags of copies", () => {
  let source: RegistryServer;
  let destination: RegistryServer;
  const opened: (TestCopier | FaultyRegistry)[] = [];

  beforeAll(async () => {
    [source, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await ("remove" in one ? one.remove() : one.close());
  });
  afterAll(() => Promise.all([source.close(), destination.close()]));

  async function open(path: string, fault?: Fault, memory: TagMemory = createTagMemory()) {
    const place = fault ? await startFaultyRegistry(destination, fault) : destination;
    if (fault) opened.push(place as FaultyRegistry);
    const copier = await openTestCopier({ pushRegistry: `${place.host}/${path}`, memory });
    opened.push(copier);
    const notes: string[] = [];
    return {
      notes,
      outcomes: copier.outcomes,
      /** Copies an image that a build completed at a time. */
      async copy(image: MadeImage, completedAt: number, tag = "latest") {
        const name = await source.push("shop/app", image);
        const reference = parseImageReference(name.replace("@", `:${tag}@`));
        await copier.copy(reference, signal, { completedAt, note: (text) => notes.push(text) });
      },
    };
  }

  const latestIn = (path: string) => destination.digest(`${path}/shop-app`, "latest");
  const [a, b] = [makeImage(), makeImage()];

  describe("follow completion", () => {
    it.each<[string, readonly (readonly [MadeImage, number])[], MadeImage]>([
      [
        "the newer build is copied first",
        [
          [b, 11],
          [a, 10],
        ],
        b,
      ],
      [
        "a roll-back is built",
        [
          [a, 10],
          [b, 11],
          [a, 12],
        ],
        a,
      ],
      [
        "an older build is tried again after a roll-back",
        [
          [a, 10],
          [b, 11],
          [a, 12],
          [b, 11],
        ],
        a,
      ],
      [
        "all come in order",
        [
          [a, 10],
          [b, 11],
        ],
        b,
      ],
    ])("when %s", async (name, builds, newest) => {
      const path = `order-${name.replaceAll(" ", "-")}`;
      const { copy } = await open(path);
      for (const [image, time] of builds) await copy(image, time);
      expect(await latestIn(path)).toBe(newest.digest);
    });

    it("when web hooks name a tag again and again, and no digest", async () => {
      const copier = await openTestCopier({ pushRegistry: `${destination.host}/by-tag` });
      opened.push(copier);
      for (const image of [a, b, a]) {
        await source.push("shop/app", image, "pushed");
        await copier.copyNamed(`${source.host}/shop/app:pushed`);
        expect(await destination.digest("by-tag/shop-app", "pushed")).toBe(image.digest);
      }
    });

    it("when two are copied at once, and after a restart", async () => {
      const memory = createTagMemory();
      const { copy } = await open("at-once", undefined, memory);
      await Promise.all([copy(b, 11), copy(a, 10)]);
      expect(await latestIn("at-once")).toBe(b.digest);
      const heir = await open("at-once", undefined, memory);
      await heir.copy(a, 10);
      expect(await latestIn("at-once")).toBe(b.digest);
      await heir.copy(a, 12);
      expect(await latestIn("at-once")).toBe(a.digest);
      expect(heir.outcomes()).toEqual(["present", "present"]);
    });
  });

  it("follow completion when pipelines build a roll-back, whose image was analyzed before", async () => {
    await using world = await createWorld({ namespace: "shop", installed: ["tekton.dev"] });
    const bot = world.bot(["--no-base", "--sources", "tekton", "--push-registry", `${destination.host}/pipelines`], {
      THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "1",
      THOTH_NO_REGISTRY_TLS_VERIFY: "1",
    });
    const copy = copyName({ registry: source.host, repository: "shop/app" }, false, 200);
    for (const [count, image] of [a, b, a].entries()) {
      await source.push("shop/app", image);
      const run = aRun("PipelineRun", ({ metadata, status }) => {
        Object.assign(metadata, { namespace: "shop", name: `run-${count}`, uid: `run-${count}` });
        status.completionTime = `2026-11-26T1${count}:00:00Z`;
        status.results = results({ IMAGE_URL: `${source.host}/shop/app:latest`, IMAGE_DIGEST: image.digest });
      });
      world.cluster.put("pipelineruns", run);
      await bot.logged(({ msg, subject }) => msg === "Job done" && String(subject).includes(`run-${count}`));
      expect(await destination.digest(`pipelines/${copy}`, "latest")).toBe(image.digest);
    }
    expect(world.analysis.submissions).toHaveLength(2);
  });

  it("follow completion when another bot sets one for a later completion in between", async () => {
    const earlier = await open("between");
    await earlier.copy(b, 11);
    let times = 0;
    const memory = { latest: async () => (++times === 1 ? a.digest : b.digest) as Digest };
    await (await open("between", undefined, memory)).copy(a, 10);
    expect(await latestIn("between")).toBe(b.digest);
  });

  it.each(refusals)("that do not move cost a note and not the image: %s", async (name, fault) => {
    const path = `refused-${name.toLowerCase()}`;
    const { copy, notes, outcomes } = await open(path, fault);
    const image = makeImage();
    await copy(image, 10);
    await copy(image, 11);
    expect(outcomes()).toEqual(["copied", "present"]);
    expect(await destination.digest(`${path}/shop-app`, `digest-${image.digest.slice(7)}`)).toBe(image.digest);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(/^The tag latest of .*\/shop-app was not set: .*The copy is there by its digest\.$/);
    if (!/^\d/.test(name)) expect(notes[0]).toContain("was not set: the registry does not let tags move. ");
  });

  it("are set by skopeo where the bot is refused, though the repository is called like a refusal", async () => {
    const refused = answers("PUT", manifestOf("latest"), 500, errorBody("UNKNOWN", "immutable-already-exists/shop-app"));
    const fault: Fault = (...request) => request[0].headers["user-agent"] === "build-watcher" && refused(...request);
    const { copy, notes } = await open("immutable-already-exists", fault);
    const image = makeImage();
    await copy(image, 10);
    expect(notes).toEqual([]);
    expect(await latestIn("immutable-already-exists")).toBe(image.digest);
  });
});
