import { expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { headManifest } from "../../src/registry/reading/distribution.ts";
import { createImageReader, type ReadableImage } from "../../src/registry/reading/image-reader.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { startBadPeer, tricks } from "../support/bad-peer.ts";
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
