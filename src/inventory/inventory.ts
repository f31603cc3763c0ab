import type { Digest, ImageReference } from "../core/image-reference.ts";

export const ecosystems = ["deb", "rpm", "apk", "npm", "pypi", "maven", "golang"] as const;
/** The type of a package URL, https://github.com/package-url/purl-spec/blob/main/purl-types-index.json. */
export type Ecosystem = (typeof ecosystems)[number];

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

/** A package as it lies in an image. */
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

/** `partial`: something could not be read. `unknown`: nothing could, so nobody knows what lies in the image. */
export type Completeness = "complete" | "partial" | "unknown";

/** What lies in one image for one platform. */
export interface ImageContent {
  /** The digest of its manifest. */
  readonly digest: Digest;
  /** `os/architecture[/variant]`, where the image says it. */
  readonly platform?: string;
  /** RFC 3339; when the image was made, by its own word. */
  readonly created?: string;
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
}

/** What was read of an image: one content a platform. */
export interface ImageSummary {
  /** What the image is asked for by: of its manifest, or of its index. */
  readonly digest: Digest;
  readonly contents: readonly ContentSummary[];
}

/** An image in its registry, over whatever door leads there. Failures are `JobError`s. */
export interface ReachableImage {
  readonly reference: ImageReference;
  /** A manifest by tag or digest, its bytes checked against the digest. */
  manifest(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer }>;
  /** The bytes of a blob, not yet checked against the digest; a broken connection is gone on with. */
  blob(digest: Digest, signal: AbortSignal): AsyncIterable<Buffer>;
}

/** A package in one image, as a question finds it. */
export interface PackageMatch {
  readonly image: Digest;
  readonly content: ContentSummary;
  readonly package: FoundPackage & { readonly layer: number };
}

export interface PackageAnswer {
  readonly matches: readonly PackageMatch[];
  /** Whether there are more than the limit allowed. */
  readonly more: boolean;
}

/** A question for packages: `name[@version or range]`, or a package URL. */
export interface PackageQuestion {
  /** A full name, or a Maven artifact without its group. */
  readonly name: string;
  readonly ecosystem?: Ecosystem;
  readonly group?: string;
  /** As `versions/range.ts` reads it. */
  readonly range?: string;
}

/** What lies in images: read once a digest, whoever asks; a layer is read once for all images. */
export interface Inventory {
  /** Reads an image unless it is known already. Throws `JobError`; what is there but cannot be understood is no error but not `complete`. */
  read(image: ReachableImage, signal: AbortSignal): Promise<ImageSummary>;
  readonly known: KnownPackages;
  close(): Promise<void>;
}

/** What was read so far. */
export interface KnownPackages {
  find(question: PackageQuestion, limit: number): Promise<PackageAnswer>;
  summary(image: Digest): Promise<ImageSummary | undefined>;
  /** One content with its packages, by the image's digest or its own; the first platform's where an image has several. */
  content(image: Digest): Promise<ImageContent | undefined>;
}
