import { kindOf, type NamedBuild } from "../builds/build.ts";
import { withoutEnd } from "../outside-text.ts";

/** The page of a commit where its repository is hosted; undefined when the origin is neither a web address nor an SSH name. */
export function commitLink(origin: string | undefined, commit: string | undefined): string | undefined {
  const base = origin && commit && /^[0-9a-f]{7,64}$/i.test(commit) ? webAddress(origin) : undefined;
  if (base === undefined) return undefined;
  const host = new URL(base).hostname;
  const path = host.includes("gitlab") ? "-/commit" : host.includes("bitbucket") ? "commits" : "commit";
  return `${base}/${path}/${commit}`;
}

/** `https://host/path` of a git repository, without credentials and `.git`. */
function webAddress(origin: string): string | undefined {
  const [, host, path] = /^(?:ssh:\/\/)?git@([\w.-]+)(?::\d+\/|[:/])([\w./~-]+)$/.exec(origin) ?? [];
  const text = host === undefined ? origin : `https://${host}/${path}`;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, host: name, pathname } = new URL(text);
  return `${protocol}//${name}${withoutEnd(pathname, "/").replace(/\.git$/, "")}`;
}

/** Where an image can be looked at in its registry, for registries whose pages are known: quay.io, Red Hat Quay and Docker Hub. */
export function imageLink(image: string): string | undefined {
  const [, registry = "", repository = "", digest] =
    /^([^/]+)\/([^:@]+)(?::[^@]*)?(?:@(sha256:[0-9a-f]{64}))?$/.exec(image) ?? [];
  if (/^quay\.[\w.-]+$/.test(registry))
    return `https://${registry}/repository/${repository}${digest === undefined ? "?tab=tags" : `/manifest/${digest}`}`;
  if (registry !== "docker.io") return undefined;
  return `https://hub.docker.com/${repository.startsWith("library/") ? `_/${repository.slice("library/".length)}` : `r/${repository}`}`;
}

/** OpenShift's web console: its address, and its pages for each kind of builds. */
export interface Console {
  readonly url: string;
  readonly pages: Readonly<Record<string, ConsolePages>>;
}

/** The console's names for a kind of builds, and for what they are made from: `builds`, or `group~version~Kind`. */
export interface ConsolePages {
  readonly build: string;
  readonly owner?: string;
}

/** A build's page in OpenShift's web console. */
export function buildLink(console: Console | undefined, build: NamedBuild): string | undefined {
  return consolePage(console, console?.pages[kindOf(build)]?.build, build.namespace, build.name);
}

/** The console's page of what a build was made from: `[kind:]namespace/name`. */
export function configLink(
  console: Console | undefined,
  build: Pick<NamedBuild, "kind"> | undefined,
  config: string | undefined,
): string | undefined {
  const [namespace = "", name = ""] = config?.slice(config.indexOf(":") + 1).split("/") ?? [];
  return consolePage(console, console?.pages[kindOf(build ?? {})]?.owner, namespace, name);
}

function consolePage(
  console: Console | undefined,
  kind: string | undefined,
  namespace: string,
  name: string,
): string | undefined {
  if (!console || kind === undefined) return undefined;
  return `${withoutEnd(console.url, "/")}/k8s/ns/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(name)}`;
}
