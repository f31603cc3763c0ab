import { isSameRegistry, registryName } from "../hosts/registry-names.ts";
import { SetupError } from "../jobs/errors.ts";
import type { Job } from "../jobs/job.ts";
import { matchesWildcard, withoutEnd } from "../outside-text.ts";
import { asPath, copyName, digestTag, hostName, isReservedTag, shorten } from "./copy-name.ts";
import { type Digest, type ImageReference, isTag, parseImageReference } from "./image-reference.ts";

export type PushLayout = "default" | "flat" | "legacy";

/** Where copies go, as the operator set it. */
export interface PushSettings {
  /** `host[:port][/path]`. */
  readonly registry: string;
  readonly layout: PushLayout;
  /** `path[:tag]` with placeholders, used instead of the layout. `{tag|digest}` is the first of the two that is known. */
  readonly template?: string | undefined;
  /** Host patterns of registries whose images stay where they are. */
  readonly skip: readonly string[];
  /** Whether a host is the cluster's own registry, whose images are named without it. Default: none is. */
  readonly owns?: ((registry: string) => boolean) | undefined;
}

/** Settings that make valid references. */
export interface PushRules extends PushSettings {
  readonly host: string;
  /** The path below the host for all copies; may be empty. */
  readonly path: string;
}

/**
 * Where one image goes. If the digest is known, the last tag names it, so no copy is ever untagged. The tags before it move from image to
 * image. There are no tags when the digest is unknown and the source's tag is reserved.
 */
export interface PushTarget {
  readonly registry: string;
  readonly repository: string;
  readonly tags: readonly string[];
}

export type CopyPlan =
  | { readonly kind: "copied"; readonly target: PushTarget }
  | { readonly kind: "stays"; readonly because: "excluded" | "already-there" };

/** Which copies can never overwrite each other: those of all sources, of one registry, or none. */
export type Separation = "all" | "one-registry" | "none";

const placeholders = ["namespace", "name", "path", "tag", "digest", "digest12", "registry"] as const;
type Values = Readonly<Record<(typeof placeholders)[number], string>>;

/** The longest name that every registry takes, host included (distribution/reference, NameTotalLengthMax). */
const longestName = 255;
const longestTag = 128;

/** Reads the settings. Throws a `SetupError` that names the variable to correct. */
export function readPushSettings(settings: PushSettings): PushRules {
  const registry = bareRegistry(settings.registry);
  const { host, path } = readRegistry(registry);
  if (settings.layout === "flat" && !settings.template && path === "") {
    throw new SetupError(`BUILD_WATCHER_PUSH_LAYOUT=flat needs a repository in THOTH_PUSH_REGISTRY: ${registry}/<repository>`);
  }
  const rules = { ...settings, registry, host, path };
  if (settings.template !== undefined) checkTemplate(rules, settings.template);
  return rules;
}

/**
 * Where an image goes; always a valid reference. One of its tags has all digits of the digest, and no tag of the source can look like
 * that. A tag such as `latest` names the copy of the image that was completed last. Without a digest there is only the source's tag.
 */
export function pushTarget(source: ImageReference, digest: Digest | undefined, rules: PushRules): PushTarget {
  const values = valuesOf(source, digest);
  const { path, tags, isFlat } =
    rules.template === undefined ? layOut(source, values, rules) : fillTemplate(rules.template, values);
  const own = tags.filter((tag) => tag !== "" && !isReservedTag(tag));
  const all = isFlat && own.length > 0 ? own : [...own, values.last].filter(Boolean);
  return { registry: rules.host, repository: join(rules.path, shorten(path, roomBelow(rules))), tags: [...new Set(all)] };
}

/** How well these settings keep names and tags of different images apart. */
export function separationOf({ layout, template }: Pick<PushRules, "layout" | "template">): Separation {
  if (template === undefined) return layout === "legacy" ? "none" : "all";
  const [path = "", tag = ""] = template.split(":");
  if (tag.includes("{digest}")) return "all";
  const parts = path.split("/");
  const whole = parts.includes("{path}") || /(?:^|\/)\{namespace\}\/\{name\}(?:$|\/)/.test(path);
  if (!whole) return "none";
  return parts.includes("{registry}") && parts.includes("{path}") ? "all" : "one-registry";
}

/** What will be done with an image. Asks no registry. */
export function planCopy(source: ImageReference, rules: PushRules): CopyPlan {
  const because = staysInPlace(source, rules);
  return because ? { kind: "stays", because } : { kind: "copied", target: pushTarget(source, source.digest, rules) };
}

/** Why an image is not copied at all: it is already in the push registry, or its registry is excluded. */
export function staysInPlace(source: ImageReference, rules: PushRules): "excluded" | "already-there" | undefined {
  if (rules.skip.some((pattern) => matchesRegistry(pattern, source.registry))) return "excluded";
  const below = rules.path === "" || source.repository === rules.path || source.repository.startsWith(`${rules.path}/`);
  return isSameRegistry(source.registry, rules.host) && below ? "already-there" : undefined;
}

/** Whether a job could copy an image, judged by its names. An image stream can name an image anywhere. */
export function mayCopy({ output, base }: Pick<Job, "output" | "base">, rules: PushRules): boolean {
  return [output, base].some((image) => image && (image.kind !== "reference" || !staysInPlace(image.reference, rules)));
}

/** Whether a host pattern (`quay.io`, `*.redhat.com`, `registry:5000`) matches this host. A pattern without a port matches every port. */
export function matchesRegistry(pattern: string, host: string): boolean {
  const bare = (name: string) => (/:\d+$/.test(pattern) ? name : name.replace(/:\d+$/, ""));
  return [host.toLowerCase(), registryName(host)].some((name) => matchesWildcard(registryName(pattern), bare(name)));
}

/** The host of the push registry, as images there name it. Throws a `SetupError`. */
export function pushHost(registry: string): string {
  return readRegistry(bareRegistry(registry)).host;
}

function bareRegistry(registry: string): string {
  return withoutEnd(registry.trim().replace(/^(?:docker|https?):\/\//, ""), "/");
}

function readRegistry(registry: string): { host: string; path: string } {
  try {
    const { registry: host, repository } = parseImageReference(`${registry}/x`);
    return { host, path: repository.split("/").slice(0, -1).join("/") };
  } catch {
    throw new SetupError(`THOTH_PUSH_REGISTRY is ${JSON.stringify(registry)}, which is not host[:port][/path] in lower case`);
  }
}

interface NameParts extends Values {
  /** The tag that names the digest; empty if the digest is unknown. */
  readonly last: string;
}

function valuesOf({ registry, repository, tag }: ImageReference, digest: Digest | undefined): NameParts {
  const parts = repository.split("/");
  const digits = digest?.slice("sha256:".length) ?? "";
  return {
    namespace: parts.slice(0, -1).join("-"),
    name: parts.at(-1) ?? "",
    path: repository,
    tag: tag ?? (digits ? "" : "latest"),
    digest: digits,
    digest12: digits.slice(0, 12),
    registry: hostName(registry),
    last: digest ? digestTag(digest) : "",
  };
}

interface Names {
  readonly path: string;
  readonly tags: readonly string[];
  /** The one tag names the digest by itself. */
  readonly isFlat?: boolean;
}

function layOut(source: ImageReference, values: NameParts, rules: PushRules): Names {
  const { name, tag } = values;
  if (rules.layout === "flat") return { path: "", tags: [flatTag(values)], isFlat: true };
  if (rules.layout === "legacy") return { path: name, tags: [tag] };
  return { path: copyName(source, rules.owns?.(source.registry) ?? false, roomBelow(rules)), tags: [tag] };
}

function flatTag({ name, last, tag }: NameParts): string {
  const end = last || tag;
  return asTag(`${name.slice(0, longestTag - 1 - Math.min(end.length, longestTag - 2))}-${end}`);
}

function fillTemplate(template: string, values: NameParts): Names {
  const [path = "", tag] = template.split(":");
  const own = fill((tag ?? "{tag}").replaceAll("{tag}", values.tag || values.last), values);
  return { path: asPath(fill(path, values)) || values.name, tags: [asTag(own) || "latest"] };
}

function fill(template: string, values: Values): string {
  return template.replace(/\{([^{}]*)\}/g, (_, names: string) => {
    const found = names.split("|").find((name) => values[name as keyof Values]);
    return found === undefined ? "" : values[found as keyof Values];
  });
}

function checkTemplate(rules: PushRules, template: string): void {
  const complaint = templateFault(template);
  if (complaint) throw new SetupError(`BUILD_WATCHER_PUSH_TEMPLATE is ${JSON.stringify(template)}: ${complaint}`);
  const sample = parseImageReference("registry.example.com:5000/namespace/name:tag");
  const { registry, repository, tags } = pushTarget(sample, `sha256:${"0".repeat(64)}`, rules);
  for (const tag of tags) parseImageReference(`${registry}/${repository}:${tag}`);
}

/** What a registry would refuse in a template, judged by the text outside its placeholders. */
function templateFault(template: string): string | undefined {
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].flatMap(([, inner = ""]) => inner.split("|"));
  const unknown = names.find((name) => !isPlaceholder(name));
  if (unknown !== undefined) return `{${unknown}} is unknown; there are ${placeholders.map((name) => `{${name}}`).join(" ")}`;
  const [path = "", tag, ...rest] = template.replace(/\{[^{}]*\}/g, "x").split(":");
  if (rest.length > 0 || template.includes("@")) return "it may hold one tag after one colon, and no digest";
  if (!path.split("/").every((part) => asPath(part) === part && part !== "")) return "its path is not valid in an image name";
  if (tag !== undefined && !isTag(tag)) return "its tag is not valid";
  return undefined;
}

function isPlaceholder(name: string): boolean {
  return (placeholders as readonly string[]).includes(name);
}

function asTag(text: string): string {
  return shorten(text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, ""), longestTag);
}

function join(...paths: readonly string[]): string {
  return paths.filter(Boolean).join("/");
}

function roomBelow({ host, path }: PushRules): number {
  return Math.max(longestName - join(host, path).length - 1, 64);
}
