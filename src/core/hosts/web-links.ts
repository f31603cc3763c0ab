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

/** The console's names for the kinds of builds, and for what they are made from. It may have no page for a Pipeline. */
const consoleKinds: Readonly<Record<string, { readonly build: string; readonly config?: string }>> = {
  Build: { build: "builds", config: "buildconfigs" },
  BuildRun: { build: "shipwright.io~v1beta1~BuildRun", config: "shipwright.io~v1beta1~Build" },
  PipelineRun: { build: "tekton.dev~v1~PipelineRun" },
  TaskRun: { build: "tekton.dev~v1~TaskRun" },
};

/** A build's page in OpenShift's web console; `console` is the console's own address. */
export function buildLink(console: string | undefined, build: NamedBuild): string | undefined {
  return consolePage(console, consoleKinds[kindOf(build)]?.build, build.namespace, build.name);
}

/** The console's page of what a build was made from: `[kind:]namespace/name`. */
export function configLink(
  console: string | undefined,
  build: Pick<NamedBuild, "kind"> | undefined,
  config: string | undefined,
): string | undefined {
  const [namespace = "", name = ""] = config?.slice(config.indexOf(":") + 1).split("/") ?? [];
  return consolePage(console, consoleKinds[kindOf(build ?? {})]?.config, namespace, name);
}

function consolePage(console: string | undefined, kind: string | undefined, namespace: string, name: string): string | undefined {
  if (!console || kind === undefined) return undefined;
  return `${withoutEnd(console, "/")}/k8s/ns/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(name)}`;
}
