import { describe, expect, it } from "vitest";
import type { AnalysisRequest } from "../../src/analyzers/analyzer.ts";
import { JobError } from "../../src/core/errors.ts";
import type { ImageName } from "../../src/core/image-name.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../../src/core/image-reference.ts";
import type { Job } from "../../src/core/job.ts";
import { createJobHandler, type JobHandlerParts } from "../../src/pipeline/process-job.ts";

const digest = `sha256:${"1".repeat(64)}`;
const internal = "image-registry.openshift-image-registry.svc:5000";
const output = name(`${internal}/shop/cart@${digest}`);
const base = name("quay.io/base/node:24");
const build = { namespace: "shop", name: "cart-1", uid: "u-1" };
const never = new AbortController().signal;

function name(text: string): ImageName {
  return { kind: "reference", reference: parseImageReference(text) };
}

function reference(image: ImageName): ImageReference {
  if (image.kind !== "reference") throw new JobError("ImageNotFound", "no such tag");
  return image.reference;
}

async function run(job: Partial<Job>, replace: Partial<JobHandlerParts> = {}) {
  const requests: AnalysisRequest[] = [];
  const handle = createJobHandler({
    cluster: {
      resolveImage: async (image) => reference(image),
      externalImage: async (image) => image,
      ownsImage: (image) => image.registry === internal,
      namespaces: ["shop"],
      readBuildLog: async () => "STEP 1: FROM",
    },
    analyzers: [
      {
        name: "recording",
        async submit(request) {
          requests.push(request);
          return { analyzer: "recording", analyses: [{ of: "output", id: "a-1", cached: false }], notes: [] };
        },
        discover: async () => undefined,
      },
    ],
    loginFor: async () => undefined,
    isInSourceRegistry: (image) => image.registry === internal,
    verifySourceTls: true,
    verifyDestinationTls: false,
    readsWithLogin: true,
    buildLogLimit: 1000,
    ...replace,
  });
  const result = await handle({ id: "build-u-1", analyzer: "recording", cause: "build", ...job }, never);
  return { result, request: requests[0] };
}

const cluster = {
  resolveImage: async (image: ImageName) => reference(image),
  externalImage: async (image: ImageReference) =>
    image.registry === internal ? { ...image, registry: "registry.apps.example.com" } : image,
  ownsImage: (image: ImageReference) => image.registry === internal,
  namespaces: ["shop"],
  readBuildLog: async () => undefined,
};

describe("a job", () => {
  it("submits output, base, log and origin, and records what came back", async () => {
    const { result, request } = await run({ output, base, build, buildLog: true, origin: "https://git.example.com/cart" });
    expect(request).toMatchObject({ jobId: "build-u-1", buildLog: "STEP 1: FROM", origin: "https://git.example.com/cart" });
    expect(result).toMatchObject({
      output: `${internal}/shop/cart@${digest}`,
      base: "quay.io/base/node:24",
      analyses: [{ of: "output", id: "a-1", cached: false }],
      notes: [],
    });
  });

  it("does without the log when there is none", async () => {
    const { request } = await run({ output, build, buildLog: true }, { cluster });
    expect(request?.buildLog).toBeUndefined();
    expect(request?.output).toBeDefined();
  });

  it("does not read a log that is not wanted", async () => {
    const { request } = await run({ output, build, buildLog: false });
    expect(request?.buildLog).toBeUndefined();
  });

  it("says in the record that an image is not pinned", async () => {
    const { result } = await run({ output: name("quay.io/shop/cart:latest") });
    expect(result.notes).toEqual([expect.stringContaining("Not pinned")]);
  });

  it("names images by the host that is reached from outside", async () => {
    const { request } = await run({ output }, { cluster });
    expect(request?.output && formatImageReference(request.output.reference)).toBe(
      `registry.apps.example.com/shop/cart@${digest}`,
    );
  });

  it("leaves a base image out that the bot may not look up, and says so", async () => {
    const denied = async () => {
      throw new JobError("ClusterDenied", "The bot may not get imagestreams in namespace base");
    };
    const base: ImageName = { kind: "stream-tag", namespace: "base", stream: "node", tag: "1" };
    const resolveImage: typeof cluster.resolveImage = (image) => (image === base ? denied() : Promise.resolve(reference(image)));
    const { result, request } = await run({ output, base }, { cluster: { ...cluster, resolveImage } });
    expect(request?.base).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("base/node:1 left out: The bot may not get imagestreams")]);
  });

  it("leaves a base image out that the cluster cannot find, and says so", async () => {
    const missing: ImageName = { kind: "stream-tag", namespace: "shop", stream: "gone", tag: "1" };
    const { result, request } = await run({ output, base: missing });
    expect(request?.base).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("shop/gone:1 left out")]);
  });

  it("fails when the cluster cannot find the output image", async () => {
    const missing: ImageName = { kind: "stream-tag", namespace: "shop", stream: "gone", tag: "1" };
    await expect(run({ output: missing })).rejects.toMatchObject({ reason: "ImageNotFound" });
  });

  it("is done without a submission when nothing is left of a failed build", async () => {
    const { result, request } = await run({ build, buildLog: true }, { cluster });
    expect(request).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("Nothing is left")]);
  });
});

describe("with a push registry", () => {
  const copyLogin = async () => ({ user: "dst", password: "dst-password" });
  const copied = (image: ImageReference) => ({
    ...image,
    registry: "quay.example.com",
    repository: image.repository.replaceAll("/", "-"),
  });

  it("submits the copies with the push registry's login", async () => {
    const { request } = await run({ output, base }, { copier: { copyLogin, copy: async (image) => copied(image) } });
    expect(request?.output).toMatchObject({
      reference: { registry: "quay.example.com", repository: "shop-cart" },
      verifyTls: false,
      login: { user: "dst" },
    });
    expect(request?.base).toMatchObject({ reference: { registry: "quay.example.com" } });
  });

  it("submits an image that stays where it is with its own login", async () => {
    const copier = { copyLogin, copy: async (image: ImageReference) => image };
    const { request } = await run({ output }, { copier, loginFor: async () => ({ user: "src", password: "src-password" }) });
    expect(request?.output).toMatchObject({ reference: { registry: internal }, verifyTls: true, login: { user: "src" } });
  });

  it("notes when an image was copied, but not when its copy was only named", async () => {
    const copier = { copyLogin, copy: async (image: ImageReference) => copied(image) };
    expect((await run({ output }, { copier })).result.copiedAt).toBeDefined();
    expect((await run({ output }, { copier: { ...copier, onlyPlans: true } })).result.copiedAt).toBeUndefined();
  });

  it("tells the copier which images lie in the registry that the source login is for", async () => {
    const asked: [string, boolean | undefined][] = [];
    const copier = {
      copyLogin,
      copy: async (image: ImageReference, _signal: AbortSignal, options?: { inSourceRegistry?: boolean }) => {
        asked.push([image.registry, options?.inSourceRegistry]);
        return copied(image);
      },
    };
    await run({ output, base }, { copier });
    expect(asked).toEqual([
      [internal, true],
      ["quay.io", false],
    ]);
  });

  it("never submits an image whose copy failed", async () => {
    const copier = { copyLogin, copy: () => Promise.reject(new JobError("RegistryDenied", "denied")) };
    await expect(run({ output }, { copier })).rejects.toMatchObject({ reason: "RegistryDenied" });
  });

  it("submits a base image from where it is when it cannot be copied", async () => {
    const copier = {
      copyLogin,
      copy: async (image: ImageReference) => {
        if (image.registry === "quay.io") throw new JobError("RegistryUnavailable", "quay.io is down");
        return copied(image);
      },
    };
    const { result, request } = await run({ output, base }, { copier });
    expect(request?.base).toMatchObject({ reference: { registry: "quay.io" }, verifyTls: true });
    expect(request?.base?.login).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("quay.io is down")]);
  });
});
