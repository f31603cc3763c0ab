import type { Digest, ImageReference } from "../core/images/image-reference.ts";
import type { Ecosystem, PackageQuestion } from "../core/jobs/package-question.ts";

export type { Ecosystem, PackageQuestion };

/** What decides whether a bill of materials is passed on. One that names no package is `unreadable`, too. */
export type DescribedDocument =
  | {
      readonly kind: "document";
      readonly format: "cyclonedx" | "spdx";
      /** The version of the specification. */
      readonly version: string;
      readonly packages: number;
      readonly coverage: "complete" | "partial";
      readonly why?: string;
    }
  | { readonly kind: "unreadable"; readonly reason: string };

/** One package as its database names it. */
export interface FoundPackage {
  readonly ecosystem: Ecosystem;
  /** A Maven artifact's group. In other ecosystems it is part of the name. */
  readonly group?: string;
  readonly name: string;
  /** The full version as the ecosystem writes it: `[epoch:]version[-release]` for deb and rpm. */
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
  /** The layer that contains it: an index into the content's layers. */
  readonly layer: number;
  /** The file it was read from, without a leading slash. */
  readonly path: string;
}

/** An image's distribution as Trivy names it: `redhat` and `9.4`. */
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
  /** `os/architecture[/variant]`, if the image says it. */
  readonly platform?: string;
  /** When the image was made, as it says itself (RFC 3339). */
  readonly created?: string;
  /** Its source, from the labels of its build: a git URI, `@` and a commit. */
  readonly origin?: string;
  readonly distribution?: Distribution;
  readonly completeness: Completeness;
  /** Why it is not complete, for people. */
  readonly reasons: readonly string[];
  /** Digests of the layers, lowest first. */
  readonly layers: readonly string[];
  /** Red Hat's names of the repositories that the packages came from. */
  readonly contentSets: readonly string[];
  /** Sorted by package URL, each once. */
  readonly packages: readonly InstalledPackage[];
}

/** The same without the packages themselves. */
export interface ContentSummary extends Omit<ImageContent, "packages"> {
  readonly count: number;
  /** How many packages each layer contains. */
  readonly countByLayer: readonly number[];
}

/** What was read of an image: one content for each platform. */
export interface ImageSummary {
  /** The image's digest: of its manifest, or of its index. */
  readonly digest: Digest;
  readonly contents: readonly ContentSummary[];
}

/** An image in its registry. Failures are `JobError`s. */
export interface ReachableImage {
  readonly reference: ImageReference;
  /** A manifest by tag or digest. Its bytes are checked against the digest. */
  manifest(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer }>;
  /** The bytes of a blob, checked against the digest at the end. After a broken connection it continues where it was. */
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
  /** The image's digest. */
  readonly image: Digest;
  readonly content: ContentSummary;
  readonly package: ListedPackage;
}

export interface PackageAnswer {
  readonly matches: readonly PackageMatch[];
  /** Whether there are more than the limit. */
  readonly more: boolean;
}

/** A package that differs between two images. Without `before` it is new, without `after` it is gone. */
export interface PackageChange {
  readonly purl: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

export interface PackageDifference {
  /** Sorted by package URL. */
  readonly changes: readonly PackageChange[];
  /** The number of all changes. It can be larger than the length of `changes`, which is limited. */
  readonly count: number;
}

/** What a document says about the image itself. */
export interface DocumentFacts {
  readonly image: ImageReference;
  /** Version of the CycloneDX specification. */
  readonly specVersion: "1.5" | "1.6";
}

/** What was read so far. A digest is that of an image or of one platform's manifest. For an image with several platforms, the first one is used. */
export interface KnownPackages {
  /** Finds packages. The image read last comes first. Throws `QuestionError` for a range that cannot be read. */
  find(question: PackageQuestion, limit: number): Promise<PackageAnswer>;
  summary(image: Digest): Promise<ImageSummary | undefined>;
  /** How many contents were read, by how complete they are. */
  coverage(): Promise<Readonly<Record<Completeness, number>>>;
  /** The packages of an image, sorted by package URL. */
  packages(image: Digest, limit: number): Promise<readonly ListedPackage[] | undefined>;
  /** The differences between two images. Undefined if one of them was not read. */
  compare(before: Digest, after: Digest, limit: number): Promise<PackageDifference | undefined>;
  /** The CycloneDX document of an image. The same image always gives the same bytes. */
  document(image: Digest, facts: DocumentFacts): Promise<Uint8Array | undefined>;
}

/** A question that cannot be answered. The message says why. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";
}

/** The contents of images. Each digest is read once, and each layer once for all images. */
export interface Inventory {
  /** Reads an image unless it is already known. Throws `JobError`. If contents cannot be understood, that is no error, but the image is not `complete`. */
  read(image: ReachableImage, signal: AbortSignal): Promise<ImageSummary>;
  /** Describes a bill of materials in JSON that somebody else wrote. */
  describeDocument(bytes: Uint8Array, signal: AbortSignal): Promise<DescribedDocument>;
  readonly known: KnownPackages;
  /** Finds images read before a time, and forgets them, see `PackageStore`. */
  images(readBefore: number, after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  forget(images: readonly Digest[]): Promise<void>;
  close(): Promise<void>;
}
