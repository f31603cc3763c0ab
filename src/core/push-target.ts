import { createHash } from "node:crypto";
import { SetupError } from "./errors.ts";
import { type Digest, type ImageReference, isTag, parseImageReference } from "./image-reference.ts";
import type { Job } from "./job.ts";
import { matchesWildcard, withoutEnd } from "./outside-text.ts";

export type PushLayout = "default" | "flat" | "legacy";

/** Where copies go, as the operator set it. */
export interface PushSettings {
  /** `host[:port][/path]`. */
  readonly registry: string;
  readonly layout: PushLayout;
  /** What follows the registry, `path[:tag]`, with placeholders; it takes the layout's place. */
  readonly template?: string | undefined;
  /** Host patterns of registries whose images stay where they are. */
  readonly skip: readonly string[];
}

/** Settings that were found to make valid references. */
export interface PushRules extends PushSettings {
  readonly host: string;
  /** The path below the host that every copy lies in; may be empty. */
  readonly path: string;
}

/** Where one image goes. The last tag names the digest (when there is one), so that no copy is ever untagged. */
export interface PushTarget {
  readonly registry: string;
  readonly repository: string;
  readonly tags: readonly string[];
}

export type CopyPlan =
  | { readonly kind: "copied"; readonly target: PushTarget }
  | { readonly kind: "stays"; readonly because: "excluded" | "already-there" };

const placeholders = ["namespace", "name", "tag", "digest12", "registry"] as const;
type Values = Readonly<Record<(typeof placeholders)[number], string>>;

/** The longest name that every registry takes, host included (distribution/reference, NameTotalLengthMax). */
const longestName = 255;
const longestTag = 128;

/** Reads the settings; throws an `SetupError` that names the variable to correct. */
export function readPushSettings(settings: PushSettings): PushRules {
  const registry = withoutEnd(settings.registry.trim().replace(/^(?:docker|https?):\/\//, ""), "/");
  const { host, path } = readRegistry(registry);
  if (settings.layout === "flat" && !settings.template && path === "") {
    throw new SetupError(`BUILD_WATCHER_PUSH_LAYOUT=flat needs a repository in THOTH_PUSH_REGISTRY: ${registry}/<repository>`);
  }
  const rules = { ...settings, registry, host, path };
  if (settings.template !== undefined) checkTemplate(rules, settings.template);
  return rules;
}

/**
 * Where an image goes: a valid reference always. Images of different digests never share one, since a tag made from the digest is among the tags;
 * a tag of the source's own (`latest`) names the copy that was made last. Without digest there is only the source's tag.
 */
export function pushTarget(source: ImageReference, digest: Digest | undefined, rules: PushRules): PushTarget {
  const values = valuesOf(source, digest);
  const { path, tags } = rules.template === undefined ? layOut(values, rules.layout) : fillTemplate(rules.template, values);
  return { registry: rules.host, repository: shorten(join(rules.path, path), rules.host), tags: [...new Set(tags)] };
}

/** What will be done with an image, told without asking any registry. */
export function planCopy(source: ImageReference, rules: PushRules): CopyPlan {
  const because = staysInPlace(source, rules);
  return because ? { kind: "stays", because } : { kind: "copied", target: pushTarget(source, source.digest, rules) };
}

/** Why an image is not copied at all: it lies below the push registry already, or its registry is left out by pattern. */
export function staysInPlace(source: ImageReference, rules: PushRules): "excluded" | "already-there" | undefined {
  if (rules.skip.some((pattern) => matchesRegistry(pattern, source.registry))) return "excluded";
  const below = rules.path === "" || source.repository === rules.path || source.repository.startsWith(`${rules.path}/`);
  return source.registry === rules.host && below ? "already-there" : undefined;
}

/** Whether a job may copy an image, told by its names alone: what an image stream names may lie anywhere. */
export function mayCopy({ output, base }: Pick<Job, "output" | "base">, rules: PushRules): boolean {
  return [output, base].some((image) => image && (image.kind !== "reference" || !staysInPlace(image.reference, rules)));
}

/** Whether a host pattern (`quay.io`, `*.redhat.com`, `registry:5000`) means this host; one without port means any port. */
export function matchesRegistry(pattern: string, host: string): boolean {
  const bare = /:\d+$/.test(pattern) ? host : host.replace(/:\d+$/, "");
  return matchesWildcard(pattern.toLowerCase(), bare.toLowerCase());
}

function readRegistry(registry: string): { host: string; path: string } {
  try {
    const { registry: host, repository } = parseImageReference(`${registry}/x`);
    return { host, path: repository.split("/").slice(0, -1).join("/") };
  } catch {
    throw new SetupError(`THOTH_PUSH_REGISTRY is ${JSON.stringify(registry)}, which is not host[:port][/path] in lower case`);
  }
}

function valuesOf({ registry, repository, tag }: ImageReference, digest: Digest | undefined): Values {
  const parts = repository.split("/");
  const digest12 = digest?.slice("sha256:".length, "sha256:".length + 12) ?? "";
  const namespace = parts.slice(0, -1).join("-");
  return { namespace, name: parts.at(-1) ?? "", tag: tag ?? (digest12 ? "" : "latest"), digest12, registry: asPath(registry) };
}

function layOut(values: Values, layout: PushLayout): { path: string; tags: string[] } {
  const { namespace, name, tag } = values;
  if (layout === "flat") return { path: "", tags: [flatTag(values)] };
  const path = layout === "legacy" || namespace === "" ? name : `${namespace}-${name}`;
  return { path, tags: [tag, digestTag(values)].filter(Boolean) };
}

function flatTag(values: Values): string {
  const end = digestTag(values) || values.tag;
  return asTag(`${values.name.slice(0, longestTag - 1 - Math.min(end.length, longestTag - 2))}-${end}`);
}

function digestTag({ digest12 }: Values): string {
  return digest12 && `sha256-${digest12}`;
}

function fillTemplate(template: string, values: Values): { path: string; tags: string[] } {
  const [path = "", tag] = template.split(":");
  const last = digestTag(values);
  const filled = { ...values, tag: values.tag || last };
  const own = asTag(fill(tag ?? "{tag}", filled)) || "latest";
  return { path: asPath(fill(path, filled)) || values.name, tags: [own, last].filter(Boolean) };
}

function fill(template: string, values: Values): string {
  return template.replace(/\{([^{}]*)\}/g, (_, name: string) => values[name as keyof Values] ?? "");
}

function checkTemplate(rules: PushRules, template: string): void {
  const complaint = templateFault(template);
  if (complaint) throw new SetupError(`BUILD_WATCHER_PUSH_TEMPLATE is ${JSON.stringify(template)}: ${complaint}`);
  const sample = parseImageReference("registry.example.com:5000/namespace/name:tag");
  const { registry, repository, tags } = pushTarget(sample, `sha256:${"0".repeat(64)}`, rules);
  for (const tag of tags) parseImageReference(`${registry}/${repository}:${tag}`);
}

/** What a registry would refuse in a template, judged by the text around its placeholders. */
function templateFault(template: string): string | undefined {
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name ?? "").find((name) => !isPlaceholder(name));
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

/** Text as a path of an image name: every component lower case, beginning and ending with a letter or digit; what is left of nothing is dropped. */
function asPath(text: string): string {
  return text.toLowerCase().split("/").map(asComponent).filter(Boolean).join("/");
}

function asComponent(text: string): string {
  return text
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/[._-]{2,}/g, (run) => (run === "__" || /^-+$/.test(run) ? run : "-"))
    .replace(/^[._-]+|[._-]+$/g, "");
}

function asTag(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, longestTag);
}

function join(...paths: readonly string[]): string {
  return paths.filter(Boolean).join("/");
}

/** A path too long is cut and closed with a hash of the whole, so that two long ones stay apart. */
function shorten(path: string, host: string): string {
  const room = Math.max(longestName - host.length - 1, 64);
  if (path.length <= room) return path;
  const hash = createHash("sha256").update(path).digest("hex").slice(0, 12);
  return `${withoutEnd(path.slice(0, room - hash.length - 1), "._/-")}-${hash}`;
}
