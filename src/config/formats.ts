import { parseLabelSelector } from "../core/builds/label-selector.ts";
import { parseSince } from "../core/builds/since.ts";
import { checkDatabaseUrl } from "../core/hosts/database-url.ts";
import { imagePlaceholders, unknownPlaceholder } from "../core/images/image-template.ts";
import { buildSystems, knownSources } from "../sources/index.ts";

/** Says what is expected; undefined when the text is right. */
type Check = (text: string) => string | undefined;

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const objectName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
const repositoryPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

const hostPattern = /^(?:[a-z0-9*][a-z0-9.*-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5}|:\*)?$/i;
/** Without `*` it must have a slash: it stands for a whole name. */
const imagePattern =
  /^(?:[^\s:@/]{0,253}\*[^\s:@/]{0,253}|[^\s:@/]{1,253}(?::[\d*]{1,5})?\/[^\s:@]{1,255}|\[[^\s\]]{1,60}\](?::[\d*]{1,5})?\/[^\s:@]{1,255})$/;

const checks = {
  namespace: (text) =>
    text === "*" || label.test(text) ? undefined : "names of namespaces (lower case letters, digits, -), or * alone",
  "service-account": (text) => {
    const [name = "", namespace, ...rest] = text.split("/").reverse();
    const isRight = rest.length === 0 && objectName.test(name) && (namespace === undefined || label.test(namespace));
    return isRight ? undefined : "the name of a service account, [namespace/]name";
  },
  "namespace-pattern": (text) =>
    /^[a-z0-9*-]{1,63}$/.test(text) ? undefined : "names of namespaces, in which * stands for any characters",
  "result-pattern": (text) =>
    /^[\w.*-]{1,256}$/.test(text) ? undefined : "names of results, in which * stands for any characters",
  "build-source": (text) => (systemNames.includes(text) ? undefined : oneOf(systemNames)),
  since: (text) =>
    parseSince(text, 0) === undefined ? "now, a duration such as 7d, or a time such as 2026-11-01T00:00:00Z" : undefined,
  "build-config": checkBuildConfig,
  host: (text) => (isHost(text) ? undefined : `${withoutScheme(text)}host[:port]`),
  "host-pattern": (text) =>
    hostPattern.test(text) ? undefined : `${withoutScheme(text)}host[:port] without a path, in which * stands for any characters`,
  "image-pattern": (text) =>
    imagePattern.test(text)
      ? undefined
      : `${withoutScheme(text)}registry/repository without a tag, in which * stands for any characters, such as quay.io/shop/*`,
  endpoint: checkEndpoint,
  url: (text) =>
    isUrl(text) ? undefined : "a URL that begins with https:// or http://, without credentials, query and fragment",
  receiver: checkReceiver,
  "database-url": checkDatabaseUrl,
  "signing-secret": (text) => (isSigningSecret(text) ? undefined : "whsec_ and 24 to 64 bytes in base64"),
  "shared-secret": checkSharedSecret,
  "repository-prefix": checkRepositoryPrefix,
  "label-selector": checkLabelSelector,
  "image-template": checkImageTemplate,
  user: (text) =>
    text.includes(":") ? "a user name without a colon (registries read what follows it as the password)" : undefined,
} as const satisfies Record<string, Check>;

/** The formats. */
export type Format = keyof typeof checks;

/** Says what is expected instead of a text; undefined when it has the format. */
export function checkFormat(format: Format, text: string): string | undefined {
  return checks[format](text);
}

/** What builds are made from. */
export const ownerKinds: readonly string[] = knownSources.map(({ owner }) => owner);

/** The build systems. */
export const systemNames: readonly string[] = buildSystems.map(({ name }) => name);

/** `a, b or c` */
export function oneOf(words: readonly string[], last = "or"): string {
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

function checkBuildConfig(text: string): string | undefined {
  const [owner = "", kind = "BuildConfig", ...tooMany] = text.split(":").reverse();
  const [name = "", namespace, ...rest] = owner.split("/").reverse();
  const isRight =
    tooMany.length === 0 &&
    ownerKinds.includes(kind) &&
    rest.length === 0 &&
    objectName.test(name) &&
    (namespace === undefined || label.test(namespace));
  return isRight
    ? undefined
    : `names of BuildConfigs, each [namespace/]name, with ${oneOf(ownerKinds.slice(1).map((name) => `${name}:`))} in front for other build systems`;
}

function checkEndpoint(text: string): string | undefined {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (isUrl(url)) return undefined;
  return "host[:port][/path] or a URL that begins with https:// or http://, without credentials, query and fragment";
}

/** Many receivers have a token in path or query, so both are allowed here. */
function checkReceiver(text: string): string | undefined {
  const [, address = ""] = /^(https?:\/\/[^?#\s]*)(?:\?[^#\s]*)?$/i.exec(text) ?? [];
  return isUrl(address) ? undefined : "URLs that begin with https:// or http://, without credentials and fragment";
}

/** https://github.com/standard-webhooks/standard-webhooks: a key has 24 to 64 bytes. */
function isSigningSecret(text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return false;
  const { length } = Buffer.from(base64, "base64");
  return length >= 24 && length <= 64 && base64.length % 4 === 0;
}

function checkSharedSecret(text: string): string | undefined {
  if (text.startsWith("whsec_") ? isSigningSecret(text) : /^[\x21-\x7e]{16,}$/.test(text)) return undefined;
  return "at least 16 characters without spaces, or whsec_ and 24 to 64 bytes in base64";
}

function checkRepositoryPrefix(text: string): string | undefined {
  const [host = "", ...path] = text.split("/");
  if (isHost(host) && path.every((part) => repositoryPart.test(part))) return undefined;
  return `${withoutScheme(text)}host[:port][/path], the path in lower case`;
}

function checkLabelSelector(text: string): string | undefined {
  try {
    parseLabelSelector(text);
    return undefined;
  } catch (error) {
    return `a label selector such as app=web,tier in (a, b), but ${error instanceof Error ? error.message : "it cannot be read"}`;
  }
}

function checkImageTemplate(text: string): string | undefined {
  const unknown = unknownPlaceholder(text);
  if (unknown === undefined) return undefined;
  return `a text with any of ${imagePlaceholders.map((name) => `{${name}}`).join(" ")}, not {${unknown}}`;
}

function withoutScheme(text: string): string {
  return text.includes("://") ? "a name without scheme (https://): " : "";
}

function isHost(text: string): boolean {
  const [, name = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
  return isPort && (hostName.test(name) || /^\[[0-9a-f:.]+\]$/i.test(name));
}

function isUrl(text: string): boolean {
  const [, authority = "", rest = ""] = /^https?:\/\/([^/?#]*)([^?#\s\\]*)$/i.exec(text) ?? [];
  return isHost(authority) && !rest.includes("//") && URL.canParse(text);
}
