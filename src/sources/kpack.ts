import type { Resource } from "../cluster/api/paths.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildFacts, BuildOutcome } from "../core/builds/build-outcome.ts";
import { gitOrigin } from "../core/builds/git-origin.ts";
import { imageReferenceOf } from "../core/images/image-reference.ts";
import { longestId, outsideText } from "../core/outside-text.ts";
import type { BuildSource, BuildSystem } from "./build-source.ts";
import { findPodLog, podLogRights } from "./logs/pod-log.ts";
import { entries, isSkipped, keyOf, known, labelsOf, type Metadata, ownerName, startOf, stringsOf } from "./objects/fields.ts";
import { type Condition, endOf } from "./objects/run-status.ts";

/** The used fields of a Build (kpack.io/v1alpha2): buildpacks-community/kpack, pkg/apis/build/v1alpha2/build_types.go. */
interface KpackBuild {
  readonly metadata?: Metadata;
  readonly spec?: { readonly source?: { readonly git?: { readonly url?: string; readonly revision?: string } } };
  readonly status?: {
    readonly conditions?: readonly (Condition & { readonly lastTransitionTime?: string })[] | null;
    readonly podName?: string;
    /** By digest. */
    readonly latestImage?: string;
    readonly stack?: { readonly runImage?: string };
  };
}

const kind = "KpackBuild";
const resource: Resource = { group: "kpack.io", version: "v1alpha2", plural: "builds", called: "builds.kpack.io" };

/** In the order in which they run; pkg/apis/build/v1alpha2/build_pod.go. */
const steps: readonly string[] = ["prepare", "analyze", "detect", "restore", "build", "export", "rebase", "completion"];
const podsOf = { label: "kpack.io/build", isStep: (container: string) => steps.includes(container) };

const builds: BuildSource = {
  name: "kpack",
  kind,
  objectKind: "Build",
  owner: "Image",
  console: { build: "kpack.io~v1alpha2~Build", owner: "kpack.io~v1alpha2~Image" },
  resource,
  isOutsideView: true,
  pageSize: 250,
  classify: (object) => classifyBuild(object as KpackBuild),
  logRights: podLogRights,
  findLog: (api, build, _follow, signal) => findPodLog(api, builds, build, podsOf, signal),
};

/** kpack: Builds of Cloud Native Buildpacks, made by its Images. */
export const kpack = {
  name: "kpack",
  title: "kpack",
  origin: "kpack, Cloud Native Buildpacks",
  sources: () => [builds],
} as const satisfies BuildSystem;

function classifyBuild(build: KpackBuild): BuildOutcome {
  const { conditions, podName } = build?.status ?? {};
  const { phase, reason } = endOf(conditions, typeof podName === "string" && podName !== "", true);
  const key = keyOf(build?.metadata, kind);
  if (!key) return { kind: "ignored", phase, build: undefined, because: "unreadable" };
  if (isSkipped(build.metadata)) return { kind: "ignored", phase, build: key, because: "excluded" };
  switch (phase) {
    case "Complete": {
      const reference = imageReferenceOf(build.status?.latestImage);
      if (!reference) return { kind: "ignored", phase, build: key, because: "no-output-image" };
      return { kind: "succeeded", phase, outputs: [{ kind: "reference", reference }], ...facts(build, key) };
    }
    case "Failed":
      return { kind: "failed", phase, outputs: [], reason: reason || phase, ...facts(build, key) };
    case "Cancelled":
      return { kind: "ignored", phase, build: key, because: "cancelled" };
    default:
      return { kind: "pending", phase, ...identity(build, key), ...startOf(build.metadata?.creationTimestamp) };
  }
}

/** An Image gives its builds its labels and annotations as well. */
function identity({ metadata }: KpackBuild, key: BuildKey): Pick<BuildFacts, "build" | "buildConfig" | "ownerKind" | "labels"> {
  const labels = labelsOf(metadata);
  const buildConfig = ownerName(key.namespace, labels["image.kpack.io/image"]);
  return { build: key, labels, ...(buildConfig && { buildConfig, ownerKind: "Image" }) };
}

function facts(build: KpackBuild, key: BuildKey): BuildFacts {
  const { metadata, spec, status } = build;
  const { url, revision } = spec?.source?.git ?? {};
  const base = imageReferenceOf(status?.stack?.runImage);
  const ended = entries(status?.conditions).find(({ type }) => type === "Succeeded")?.lastTransitionTime;
  return known({
    ...identity(build, key),
    base: base && { kind: "reference", reference: base },
    origin: gitOrigin(url),
    // An Image names the commit; a Build made by hand can name a branch.
    commit: /^[0-9a-f]{40}$/.test(String(revision)) ? revision : undefined,
    // COMMIT, CONFIG, STACK, …
    trigger: outsideText(stringsOf(metadata?.annotations)["image.kpack.io/reason"]),
    completedAt: outsideText(ended, longestId),
  });
}
