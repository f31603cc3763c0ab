import type { Digest, ImageReference } from "../core/images/image-reference.ts";
import type { Ecosystem, PackageQuestion } from "../core/jobs/package-question.ts";

export type { Ecosystem, PackageQuestion };

/** What a bill of materials says of itself, as far as it decides whether it is passed on; `unreadable` also when it names no package. */
export type DescribedDocument =
  | {
      readonly kind: "document";
      readonly format: "cyclonedx" | "spdx";
      /** Of the specification. */
      readonly version: string;
      readonly packages: number;
      readonly coverage: "complete" | "partial";
      readonly why?: string;
    }
  | { readonly kind: "unreadable"; readonly reason: string };

/** One package as its database names it. */
export interface FoundPackage {
  readonly ecosystem: Ecosystem;
  /** A Maven artifact's group; other ecosystems have it in the name. */
  readonly group?: string;
  readonly name: string;
  /** In full, as the ecosystem writes it: `[epoch:]version[-release]` for deb and rpm. */
  readonly version: string;
  readonly architecture?: string;
  readonly licence?: string;
  /** The source package it was built from. */
  readonly source?: { readonly name: string; readonly version: string };
  /** A module stream of dnf. */
  readonly modularity?: string;
}

/** A package in an image. */
export interface InstalledPackage extends FoundPackage {
  /** The layer that brought it: an index into the content's layers. */
  readonly layer: number;
  /** The file it was read from, without a leading slash. */
  readonly path: string;
}

/** The distribution an image is made of, in Trivy's words: `redhat` and `9.4`. */
export interface Distribution {
  readonly family: string;
  readonly version: string;
}

/** `partial`: something could not be read. `unknown`: nothing could be read. */
export type Completeness = "complete" | "partial" | "unknown";

/** The contents of one image for one platform. */
export interface ImageContent {
  /** The digest of its manifest. */
  readonly digest: Digest;
  /** `os/architecture[/variant]`, where the image says it. */
  readonly platform?: string;
  /** RFC 3339; when the image was made, by its own word. */
  readonly created?: string;
  /** Its source, from the labels of its build: a git URI, with `@` and a commit. */
  readonly origin?: string;
  readonly distribution?: Distribution;
  readonly completeness: Completeness;
  /** Why it is not complete, for people. */
  readonly reasons: readonly string[];
  /** Digests of the layers, lowest first. */
  readonly layers: readonly string[];
  /** Red Hat's names of the repositories the packages came from. */
  readonly contentSets: readonly string[];
  /** Sorted by package URL, each once. */
  readonly packages: readonly InstalledPackage[];
}

/** The same without the packages themselves. */
export interface ContentSummary extends Omit<ImageContent, "packages"> {
  readonly count: number;
  /** How many of them each layer brought. */
  readonly countByLayer: readonly number[];
}

/** What was read of an image: one content a platform. */
export interface ImageSummary {
  /** What the image is asked for by: of its manifest, or of its index. */
  readonly digest: Digest;
  readonly contents: readonly ContentSummary[];
}

/** An image in its registry. Failures are `JobError`s. */
export interface ReachableImage {
  readonly reference: ImageReference;
  /** A manifest by tag or digest, its bytes checked against the digest. */
  manifest(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer }>;
  /** The bytes of a blob, checked against the digest at their end; a broken connection is gone on with. */
  blob(digest: Digest, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** A package as it is shown. */
export interface ListedPackage extends FoundPackage {
  readonly purl: string;
  /** An index into the content's layers. */
  readonly layer: number;
}

/** A package in one image, as a question finds it. */
export interface PackageMatch {
  /** What the image is asked for by. */
  readonly image: Digest;
  readonly content: ContentSummary;
  readonly package: ListedPackage;
}

export interface PackageAnswer {
  readonly matches: readonly PackageMatch[];
  /** Whether there are more than the limit allowed. */
  readonly more: boolean;
}

/** One package that two images differ in; without `before` it came, without `after` it went. */
export interface PackageChange {
  readonly purl: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

export interface PackageDifference {
  /** Sorted by package URL. */
  readonly changes: readonly PackageChange[];
  /** All there are; more than `changes` when the limit cut them. */
  readonly count: number;
}

/** What a document says of the image itself. */
export interface DocumentFacts {
  readonly image: ImageReference;
  /** Version of the CycloneDX specification. */
  readonly specVersion: "1.5" | "1.6";
}

/** What was read so far. Digests are those of images, or of one platform's manifest; of an image for several platforms the first one answers. */
export interface KnownPackages {
  /** Throws `QuestionError` for a range that cannot be read. The image read last comes first. */
  find(question: PackageQuestion, limit: number): Promise<PackageAnswer>;
  summary(image: Digest): Promise<ImageSummary | undefined>;
  /** How many contents were read, and how many of them not completely. */
  coverage(): Promise<Readonly<Record<Completeness, number>>>;
  /** The packages of an image, sorted by package URL. */
  packages(image: Digest, limit: number): Promise<readonly ListedPackage[] | undefined>;
  /** What came and went from one image to another; undefined when one of them was not read. */
  compare(before: Digest, after: Digest, limit: number): Promise<PackageDifference | undefined>;
  /** The CycloneDX document of an image: for the same image always the same bytes. */
  document(image: Digest, facts: DocumentFacts): Promise<Uint8Array | undefined>;
}

/** A question that cannot be answered; the message says why. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";
}

/** The contents of images. Each digest is read once, and each layer once for all images. */
export interface Inventory {
  /** Reads an image unless it is already known. Throws `JobError`. Contents that cannot be understood are not an error, but then the image is not `complete`. */
  read(image: ReachableImage, signal: AbortSignal): Promise<ImageSummary>;
  /** What a bill of materials in JSON is, which somebody else has written. */
  describeDocument(bytes: Uint8Array, signal: AbortSignal): Promise<DescribedDocument>;
  readonly known: KnownPackages;
  /** Images read before a time, and forgetting them; see `PackageStore`. */
  images(readBefore: number, after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  forget(images: readonly Digest[]): Promise<void>;
  close(): Promise<void>;
}
