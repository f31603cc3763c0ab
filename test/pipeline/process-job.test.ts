import { describe, expect, it } from "vitest";
import type { AnalysisRequest } from "../../src/analyzers/analyzer.ts";
import { aborted } from "../../src/core/clock.ts";
import type { ImageLook } from "../../src/core/images/image-look.ts";
import type { ImageName } from "../../src/core/images/image-name.ts";
import {
  type Digest,
  formatImageReference,
  type ImageReference,
  parseImageReference,
} from "../../src/core/images/image-reference.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import type { Job } from "../../src/core/jobs/job.ts";
import { createJobHandler, type JobHandlerParts } from "../../src/pipeline/process-job.ts";
import { fakeClock } from "../support/fake-clock.ts";

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

  it("is submitted without a log if there is none", async () => {
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

  it("names images by the registry's public host", async () => {
    const { request } = await run({ output }, { cluster });
    expect(request?.output && formatImageReference(request.output.reference)).toBe(
      `registry.apps.example.com/shop/cart@${digest}`,
    );
  });

  it("leaves out a base image that the bot has no right to look up, and says so", async () => {
    const denied = async () => {
      throw new JobError("ClusterDenied", "The bot cannot get imagestreams in namespace base");
    };
    const base: ImageName = { kind: "stream-tag", namespace: "base", stream: "node", tag: "1" };
    const resolveImage: typeof cluster.resolveImage = (image) => (image === base ? denied() : Promise.resolve(reference(image)));
    const { result, request } = await run({ output, base }, { cluster: { ...cluster, resolveImage } });
    expect(request?.base).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("base/node:1 left out: The bot cannot get imagestreams")]);
  });

  it("leaves out a base image that the cluster cannot find, and says so", async () => {
    const missing: ImageName = { kind: "stream-tag", namespace: "shop", stream: "gone", tag: "1" };
    const { result, request } = await run({ output, base: missing });
    expect(request?.base).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("shop/gone:1 left out")]);
  });

  it("fails when the cluster cannot find the output image", async () => {
    const missing: ImageName = { kind: "stream-tag", namespace: "shop", stream: "gone", tag: "1" };
    await expect(run({ output: missing })).rejects.toMatchObject({ reason: "ImageNotFound" });
  });

  it("is done without a submission if a failed build leaves nothing to submit", async () => {
    const { result, request } = await run({ build, buildLog: true }, { cluster });
    expect(request).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("nothing to submit")]);
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

  it("submits an image that is not copied with its own login", async () => {
    const copier = { copyLogin, copy: async (image: ImageReference) => image };
    const { request } = await run({ output }, { copier, loginFor: async () => ({ user: "src", password: "src-password" }) });
    expect(request?.output).toMatchObject({ reference: { registry: internal }, verifyTls: true, login: { user: "src" } });
  });

  it("records when an image was copied, but not if its copy was only named", async () => {
    const copier = { copyLogin, copy: async (image: ImageReference) => copied(image) };
    expect((await run({ output }, { copier })).result.copiedAt).toBeDefined();
    expect((await run({ output }, { copier: { ...copier, onlyPlans: true } })).result.copiedAt).toBeUndefined();
  });

  it("copies an image whose analysis counts for another run, so that its tags follow", async () => {
    const asked: (number | undefined)[] = [];
    const copier: JobHandlerParts["copier"] = {
      copyLogin,
      copy: async (image, _signal, { completedAt, note } = {}) => {
        asked.push(completedAt);
        note?.("a tag was not set");
        return copied(image);
      },
    };
    const completedAt = "2026-11-26T12:00:00+02:00";
    const earlier = { analyses: [], notes: ["the same image"], sameAs: "build-u-0" };
    const { result, request } = await run({ output, build, completedAt }, { copier, onceAnImage: async () => earlier });
    expect(asked).toEqual([Date.parse("2026-11-26T10:00:00Z")]);
    expect(request).toBeUndefined();
    expect(result).toMatchObject({ ...earlier, notes: ["the same image", "a tag was not set"], copiedAt: expect.any(Number) });
  });

  it("tells the copier which images are in the registry of the source login", async () => {
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

  it("submits the original of a base image that cannot be copied", async () => {
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

describe("what a build left open", () => {
  const other = `sha256:${"2".repeat(64)}`;
  const found = name(`quay.io/base/go@${other}`);
  const present = (of: string, its?: ImageName): ImageLook => ({
    kind: "present",
    digest: of as Digest,
    ...(its && { base: reference(its) }),
  });
  const told = (image: AnalysisRequest["output"]) => image && formatImageReference(image.reference);

  it("can be its base image: the one that the image names is submitted and recorded", async () => {
    const { result, request } = await run({ output, build, seeksBase: true }, { lookAt: async () => present(digest, found) });
    expect(told(request?.base)).toBe(`quay.io/base/go@${other}`);
    expect(result).toMatchObject({ base: `quay.io/base/go@${other}`, notes: [] });
  });

  it("is not looked up if the build names its base image, or if base images are switched off", async () => {
    const looked: string[] = [];
    const lookAt = async (image: ImageReference) => {
      looked.push(formatImageReference(image));
      return present(digest, found);
    };
    expect(told((await run({ output, base, build }, { lookAt })).request?.base)).toBe("quay.io/base/node:24");
    expect(looked).toEqual([]);
    expect((await run({ output, build, ifMissing: "leave-out" }, { lookAt })).request?.base).toBeUndefined();
  });

  it("is not taken from another namespace", async () => {
    const hidden = name(`${internal}/bank/vault@${other}`);
    const { result, request } = await run({ output, build, seeksBase: true }, { lookAt: async () => present(digest, hidden) });
    expect(request?.base).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("bank, which is neither the build's own")]);
  });

  it("is not looked up with the cluster's token in another namespace", async () => {
    const lookAt = () => Promise.reject(new Error("must not be asked"));
    const job = { output: name(`${internal}/bank/vault@${digest}`), build, seeksBase: true };
    expect((await run(job, { lookAt, readsWithLogin: false })).result.notes).toEqual([
      expect.stringMatching(/^Not looked up in its registry: .* is in the namespace bank/),
    ]);
    await expect(run(job, { lookAt })).rejects.toMatchObject({ reason: "ForeignNamespace" });
  });

  it("can be whether it was pushed: an image that is not there is left out, with its log", async () => {
    const { result, request } = await run(
      { output, build, buildLog: true, ifMissing: "leave-out" },
      { lookAt: async () => ({ kind: "absent" }) },
    );
    expect(request).toBeUndefined();
    expect(result.notes).toEqual([expect.stringContaining("Left out: its registry does not have")]);
  });

  it("can be its digest: if the builder reports another than it pushed, the tag counts", async () => {
    const tagged = name(`quay.io/shop/cart:2@${digest}`);
    const lookAt = async ({ digest: asked }: ImageReference) => (asked ? { kind: "absent" as const } : present(other));
    const { result, request } = await run({ output: tagged, build, ifMissing: "by-tag" }, { lookAt });
    expect(told(request?.output)).toBe(`quay.io/shop/cart@${other}`);
    expect(result.notes).toEqual([expect.stringContaining(`names the digest ${digest}`)]);
  });

  it("stays an index, with its own digest, if it is an image for several platforms", async () => {
    const lookAt = async (): Promise<ImageLook> => ({ ...present(digest, found), parts: [other as Digest] }) as ImageLook;
    const job = { output: name(`quay.io/shop/cart:2@${digest}`), build, ifMissing: "by-tag" as const, seeksBase: true };
    const { result, request } = await run(job, { lookAt });
    expect(told(request?.output)).toBe(`quay.io/shop/cart@${digest}`);
    expect(told(request?.base)).toBe(`quay.io/base/go@${other}`);
    expect(result.notes).toEqual([]);
  });

  it("can be its digest, if the builder reports none", async () => {
    const { request } = await run(
      { output: name("quay.io/shop/cart:2"), build, ifMissing: "by-tag" },
      { lookAt: async () => present(other) },
    );
    expect(told(request?.output)).toBe(`quay.io/shop/cart@${other}`);
  });

  it("never costs a job its submission if the registry does not say", async () => {
    for (const ifMissing of ["leave-out", "by-tag"] as const) {
      const lookAt = () => Promise.reject(new JobError("RegistryDenied", "quay.io denies access"));
      const { result, request } = await run({ output, build, ifMissing }, { lookAt });
      expect(told(request?.output)).toBe(`${internal}/shop/cart@${digest}`);
      expect(result.notes).toEqual(["Not looked up in its registry: quay.io denies access"]);
    }
    const clock = fakeClock();
    const silent = run(
      { output, build, seeksBase: true },
      { clock, lookAt: (_, signal) => aborted(signal).then(() => Promise.reject(signal.reason)) },
    );
    await clock.advance(30_000);
    expect((await silent).result.notes).toEqual([expect.stringContaining("did not answer within 30 seconds")]);
  });

  it("is left out if it is no image", async () => {
    const lookAt = () => Promise.reject(new JobError("NotAnImage", "it is an artifact"));
    const { result, request } = await run({ output, build, seeksBase: true }, { lookAt });
    expect(request).toBeUndefined();
    expect(result.notes).toEqual(["Left out: it is an artifact."]);
  });
});
