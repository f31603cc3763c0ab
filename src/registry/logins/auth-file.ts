import { isDeepStrictEqual } from "node:util";
import { registryName } from "../../core/hosts/registry-names.ts";
import { type ImageReference, repositoryOf } from "../../core/images/image-reference.ts";
import { matchesWildcard, withoutEnd } from "../../core/outside-text.ts";

/** A login for one registry; `identityToken` is a refresh token that some registries use instead of a password. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
  readonly identityToken?: string;
}

/** A docker config JSON. Keys are `host[:port][/path]`, the host in lower case; its labels can contain `*`. */
export interface AuthFile {
  readonly logins: ReadonlyMap<string, RegistryLogin>;
  /** The names of credential helpers by host; the one for all other hosts under "". */
  readonly helpers: ReadonlyMap<string, string>;
  /** What cannot be used, each as a sentence that names its key. */
  readonly unused: readonly string[];
}

const configFields: readonly string[] = ["auths", "credHelpers", "credsStore", "HttpHeaders", "currentContext"];

/**
 * Reads a docker config JSON (`{"auths": {…}}`), or the old `.dockercfg` that is its inner part. Throws a `SyntaxError` that says what is wrong
 * and quotes nothing.
 */
export function parseAuthfile(text: string): AuthFile {
  const content = parseObject(text.replace(/^\ufeff/, ""));
  const isConfig = configFields.some((name) => name in content);
  if (!isConfig && ["data", "stringData", ".dockerconfigjson", ".dockercfg"].some((name) => name in content)) {
    throw new SyntaxError("is a whole Secret; expected the content of its key .dockerconfigjson alone");
  }
  const auths = isConfig ? (content.auths ?? {}) : content;
  if (!isObject(auths)) throw new SyntaxError("is no docker config JSON: auths is no object");
  const read = Object.entries(auths).map(([key, value]) => ({ key, login: readLogin(value) }));
  const helpers = readHelpers(content);
  const logins = read.flatMap(({ key, login }) => (typeof login === "string" ? [] : [[normalizeKey(key), login] as const]));
  const last = new Map(read.map((entry) => [normalizeKey(entry.key), entry]));
  const unused = read.flatMap(({ key, login }) => {
    if (typeof login !== "string") {
      const used = last.get(normalizeKey(key));
      if (used && !isDeepStrictEqual(used.login, login))
        return [`${shown(key)} is not used: ${shown(used.key)} is the same registry`];
      return whyNoRegistry(normalizeKey(key)).map((why) => `${shown(key)} matches no registry: ${why}`);
    }
    // Docker leaves an empty entry if a helper keeps the login.
    return helpers.has("") || helpers.has(normalizeKey(key)) ? [] : [`${shown(key)} ${login}`];
  });
  const isEmpty = logins.length === 0 && helpers.size === 0 && unused.length === 0;
  return { logins: new Map(logins), helpers, unused: isEmpty ? ["it holds no login"] : unused };
}

/** The login with the longest matching key, preferably without `*`. As in the kubelet, a `*` is a part of one label. */
export function findLogin({ logins }: Pick<AuthFile, "logins">, image: ImageReference): RegistryLogin | undefined {
  const parts = normalizeKey(repositoryOf(image)).split("/");
  for (let length = parts.length; length > 0; length--) {
    const wanted = parts.slice(0, length).join("/");
    const login = logins.get(wanted) ?? [...logins].find(([key]) => key.includes("*") && matchesKey(key, wanted))?.[1];
    if (login) return login;
  }
  return undefined;
}

/** A helper, and the host to ask it for. */
export interface NamedHelper {
  readonly name: string;
  readonly host: string;
  /** Whether it is for this very host, so that it goes before a login in the file, as in Docker and skopeo: that is often an old token. */
  readonly goesFirst: boolean;
}

/** The helper with the login for an image. */
export function findHelper({ helpers }: AuthFile, { registry }: ImageReference): NamedHelper | undefined {
  const host = normalizeKey(registry);
  const own = helpers.get(host);
  const name = own ?? helpers.get("");
  if (name === undefined) return undefined;
  // Docker's own tools keep the Hub's login under this address.
  return { name, host: host === "docker.io" ? "https://index.docker.io/v1/" : registry, goesFirst: own !== undefined };
}

function matchesKey(key: string, wanted: string): boolean {
  const [[host = "", ...path], [asked = "", ...rest]] = [key.split("/"), wanted.split("/")];
  const [labels, others] = [host.split("."), asked.split(".")];
  if (path.join("/") !== rest.join("/") || labels.length !== others.length) return false;
  return labels.every((label, index) => matchesWildcard(label, others[index] ?? ""));
}

function whyNoRegistry(key: string): readonly string[] {
  const [host = "", ...path] = key.split("/");
  if (path.join("").includes("*") || host.split(":").slice(1).join("").includes("*"))
    return ["* stands for a part of a host's name only"];
  const isHost = /^(?:[\w*-]+(?:\.[\w*-]+)*|\[[\d.:a-f]+\])(?::\d+)?$/.test(host);
  if (!isHost || path.some((part) => !/^[\w.-]+$/.test(part))) return ["expected host[:port][/path]"];
  return host.includes("*") && !/[.:]/.test(host) ? ["* stands for a part of a host's name between two dots"] : [];
}

function readHelpers({ credHelpers, credsStore }: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const named = isObject(credHelpers) ? Object.entries(credHelpers) : [];
  const all = [...named.map(([host, name]) => [normalizeKey(host), name] as const), ["", credsStore] as const];
  return new Map(
    all.flatMap(([host, name]) => (typeof name === "string" && /^[\w.-]+$/.test(name) ? [[host, name] as const] : [])),
  );
}

/** A login, or why there is none. */
function readLogin(value: unknown): RegistryLogin | string {
  if (!isObject(value)) return "holds no login";
  const { auth, username, password, identitytoken, registrytoken } = value;
  const token = typeof identitytoken === "string" && identitytoken !== "" ? { identityToken: identitytoken } : undefined;
  const [user, secret] = typeof auth === "string" && auth !== "" ? decode(auth) : [username, password];
  if (token) return { user: text(user), password: text(secret), ...token };
  if (typeof registrytoken === "string" && registrytoken !== "")
    return "holds a registrytoken alone, which cannot be used: log in with a user and a password";
  if (typeof auth === "string" && auth !== "" && user === undefined) return "has an auth that is not user:password in base64";
  if (text(user) === "") return "holds no user and password";
  return text(secret) === "" ? "holds no password" : { user: text(user), password: text(secret) };
}

/** `echo` without -n puts a line break into the password. */
function decode(auth: string): readonly [string, string] | readonly [undefined, undefined] {
  const login = Buffer.from(auth, "base64").toString("utf8");
  const colon = login.indexOf(":");
  return colon < 0 ? [undefined, undefined] : [login.slice(0, colon), withoutEnd(login.slice(colon + 1), "\0\r\n")];
}

function parseObject(given: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(given);
  } catch {
    throw new SyntaxError("is no docker config JSON");
  }
  if (!isObject(content)) throw new SyntaxError("is no docker config JSON: it is no object");
  return content;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Docker wrote URLs as keys (`https://index.docker.io/v1/`). */
function normalizeKey(key: string): string {
  const bare = withoutEnd(
    key
      .trim()
      .replace(/^(?:https?|docker|oci):\/\//i, "")
      .replace(/\/v[12]\/?$/, ""),
    "/",
  );
  const [given = "", ...path] = bare.split("/");
  return [registryName(given), ...path].join("/");
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 100));
}
