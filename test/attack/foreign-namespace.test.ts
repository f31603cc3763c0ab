import { describe, expect, it } from "vitest";
import type { AnalysisRequest } from "../../src/analyzers/analyzer.ts";
import type { ImageName } from "../../src/core/images/image-name.ts";
import { type ImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import type { Job, JobCause } from "../../src/core/jobs/job.ts";
import { createForeignImageCheck } from "../../src/pipeline/builds/foreign-images.ts";
import { createJobHandler } from "../../src/pipeline/process-job.ts";

const internal = "image-registry.openshift-image-registry.svc:5000";
const ownsImage = ({ registry }: ImageReference) => registry === internal;
const never = new AbortController().signal;

function image(path: string): ImageReference {
  return parseImageReference(`${path.includes("quay.io") ? "" : `${internal}/`}${path}@sha256:${"1".repeat(64)}`);
}

describe("an image of another namespace", () => {
  it.each<[string, JobCause, readonly (string | undefined)[], boolean, "is read" | "is not read"]>([
    // The image              who asked for it  what is watched  with logins
    ["mallory/app", "build", ["mallory"], true, "is read"],
    ["shop/private", "build", ["mallory"], true, "is not read"],
    ["shop/private", "build", ["mallory", "shop"], true, "is read"],
    ["shop/private", "build", [undefined], true, "is read"],
    ["openshift/nodejs", "build", ["mallory"], true, "is read"],
    ["openshift-config/secrets", "build", ["mallory"], true, "is not read"],
    ["quay.io/shop/private", "build", ["mallory"], true, "is read"],
    ["shop/private", "build", ["mallory"], false, "is read"],
    ["shop/private", "webhook", ["mallory"], true, "is not read"],
    ["shop/private", "scan", ["mallory"], true, "is not read"],
    ["shop/private", "command-line", ["mallory"], true, "is read"],
  ])("%s, named by a %s where %j is watched, with logins: %s, %s", (path, cause, namespaces, readsWithLogin, expected) => {
    const check = createForeignImageCheck({ ownsImage, namespaces }, readsWithLogin);
    const job = { cause, ...(cause === "build" && { build: { namespace: "mallory", name: "app-1", uid: "u" } }) };
    const read = () => check(image(path), job);
    if (expected === "is read") expect(read).not.toThrow();
    else expect(read).toThrow(/is in the namespace .*, which is .*THOTH_WATCHED_NAMESPACE/);
  });

  /** Runs a job with a copier that notes what it is asked for. */
  async function run(job: Partial<Job>) {
    const copied: string[] = [];
    const requests: AnalysisRequest[] = [];
    const handle = createJobHandler({
      cluster: {
        resolveImage: async (name: ImageName) => (name as { reference: ImageReference }).reference,
        externalImage: async (reference) => reference,
        ownsImage,
        namespaces: ["mallory"],
        readBuildLog: async () => undefined,
      },
      copier: {
        async copy(source) {
          copied.push(source.repository);
          return { ...source, registry: "push.example.com" };
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
      loginFor: async () => ({ user: "serviceaccount", password: "token" }),
      isInSourceRegistry: () => false,
      verifySourceTls: true,
      verifyDestinationTls: true,
      readsWithLogin: true,
      buildLogLimit: 1000,
    });
    const build = { namespace: "mallory", name: "app-1", uid: "u" };
    const result = handle({ id: "build-u", analyzer: "recording", cause: "build", build, ...job }, never);
    return { result: await result.catch((error: unknown) => error), copied, requests };
  }

  const named = (path: string): ImageName => ({ kind: "reference", reference: image(path) });

  it("is neither copied nor submitted as a build's output", async () => {
    const { result, copied, requests } = await run({ output: named("shop/private") });
    expect(result).toMatchObject({ reason: "ForeignNamespace", retryable: false });
    expect([copied, requests]).toEqual([[], []]);
  });

  it("is left out as a base, with a note, and the build's own image is submitted", async () => {
    const { result, copied, requests } = await run({ output: named("mallory/app"), base: named("shop/private") });
    expect(result).toMatchObject({ notes: [expect.stringMatching(/^Base image .*shop\/private.* left out: .*namespace shop/)] });
    expect(copied).toEqual(["mallory/app"]);
    expect(requests).toMatchObject([{ base: undefined }]);
  });
});
