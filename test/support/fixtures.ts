import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Digest } from "../../src/core/images/image-reference.ts";
import type { Build, ObjectReference } from "../../src/sources/openshift-builds.ts";

/** An object as the API server sends it. */
export interface RecordedObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

export interface RecordedList<Item> {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number };
  readonly items: readonly (Item & RecordedObject)[];
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: Build & RecordedObject & { readonly kind: string; readonly apiVersion: string };
}

/** A recording of a real OpenShift API server (test/fixtures/openshift) as text. */
export function recordedText(file: string): string {
  return readFileSync(new URL(`../fixtures/openshift/${file}`, import.meta.url), "utf8");
}

/** A recording, parsed. */
export function recorded<T = Readonly<Record<string, unknown>>>(file: string): T {
  return JSON.parse(recordedText(file)) as T;
}

/** Ten Builds of all strategies, phases and kinds of output. */
export function recordedBuilds(): RecordedList<Build>["items"] {
  return recorded<RecordedList<Build>>("build-list.json").items;
}

/** Four ImageStreams: histories, several repositories in one, a failed import. */
export function recordedImageStreams(): RecordedList<object>["items"] {
  return recorded<RecordedList<object>>("imagestream-list.json").items;
}

/** The 44 watch events of the recorded Builds' lives. */
export function recordedWatch(): readonly WatchEvent[] {
  return recorded<readonly WatchEvent[]>("watch.json");
}

/** What a test says about a Build; everything else is as usual. */
export interface BuildTraits {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly phase?: string;
  /** The BuildConfig's name; null for a Build made by hand. Default: the name without its number. */
  readonly buildConfig?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: an ImageStreamTag named like the BuildConfig; null for no output at all. */
  readonly output?: ObjectReference | null;
  /** The pull reference the cluster made of the output; null when it got lost. */
  readonly outputReference?: string | null;
  /** What the builder reported; null when it did not. */
  readonly digest?: Digest | null;
  readonly base?: ObjectReference | null;
  /** The git URI. */
  readonly origin?: string;
  readonly commit?: string;
  readonly reason?: string;
  readonly completedAt?: string;
}

export const internalRegistry = "image-registry.openshift-image-registry.svc:5000";

/** A Source build as the build controller leaves it, complete unless told otherwise. The same traits make the same Build. */
export function aBuild(traits: BuildTraits = {}): Build & RecordedObject {
  const { name = "app-1", namespace = "shop", phase = "Complete", buildConfig = name.replace(/-\d+$/, "") } = traits;
  const uid = traits.uid ?? uidOf(`${namespace}/${name}`);
  const number = /-(\d+)$/.exec(name)?.[1] ?? "1";
  const config = buildConfig === null ? undefined : { kind: "BuildConfig", namespace, name: buildConfig };
  const output = traits.output === undefined ? { kind: "ImageStreamTag", name: `${buildConfig ?? name}:latest` } : traits.output;
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: "1",
      creationTimestamp: "2026-11-21T05:52:41Z",
      labels: { ...configLabels(buildConfig), ...traits.labels },
      annotations: {
        ...(config && { "openshift.io/build-config.name": config.name, "openshift.io/build.number": number }),
        "openshift.io/build.pod-name": `${name}-build`,
        ...traits.annotations,
      },
    },
    spec: specOf(traits, output),
    status: { phase, ...statusOf(traits, phase, output, `${internalRegistry}/${namespace}`, uid), ...(config && { config }) },
  };
}

/** A digest that stands for this text. */
export function digestOf(text: string): Digest {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function specOf(traits: BuildTraits, output: ObjectReference | null): NonNullable<Build["spec"]> {
  const { origin = "https://git.example.com/shop/app.git", commit = "3f1c0de5a4f2b7c86d9e01a2b3c4d5e6f7089abc" } = traits;
  const base =
    traits.base === undefined
      ? { kind: "DockerImage", name: `registry.example.com/ubi9/nodejs@${digestOf("nodejs")}` }
      : traits.base;
  return {
    source: { git: { uri: origin } },
    revision: { git: { commit, message: "Do what it says" } },
    strategy: { type: "Source", sourceStrategy: base ? { from: base } : {} },
    output: output ? { to: output } : {},
    triggeredBy: [{ message: "Manually triggered" }],
  };
}

function statusOf(traits: BuildTraits, phase: string, output: ObjectReference | null, repository: string, uid: string) {
  const started = phase !== "New" && phase !== "";
  const ended = started && phase !== "Pending" && phase !== "Running";
  const pulled = output?.kind === "ImageStreamTag" ? `${repository}/${output.name}` : output?.name;
  const reference = traits.outputReference === undefined ? pulled : (traits.outputReference ?? undefined);
  const digest = traits.digest === undefined ? digestOf(uid) : traits.digest;
  return {
    ...(traits.reason && { reason: traits.reason }),
    ...(ended && { completionTimestamp: traits.completedAt ?? "2026-11-21T05:54:10Z" }),
    ...(started && reference && { outputDockerImageReference: reference }),
    output: phase === "Complete" && output && digest ? { to: { imageDigest: digest } } : {},
  };
}

function configLabels(buildConfig: string | null): Record<string, string> {
  if (buildConfig === null) return {};
  const label = buildConfig.slice(0, 63);
  return { buildconfig: label, "openshift.io/build-config.name": label, "openshift.io/build.start-policy": "Serial" };
}

function uidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

/**
 * Certificates of an authority that exists for tests only and signs no more: `server` is for 127.0.0.1 and localhost, `client` for the user
 * `system:admin`. All PEM.
 */
export function testCertificates(): { ca: string; server: { cert: string; key: string }; client: { cert: string; key: string } } {
  const read = (file: string) => readFileSync(new URL(`../fixtures/tls/${file}`, import.meta.url), "utf8");
  return {
    ca: read("ca.crt"),
    server: { cert: read("server.crt"), key: read("server.key") },
    client: { cert: read("client.crt"), key: read("client.key") },
  };
}
