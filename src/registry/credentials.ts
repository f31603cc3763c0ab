import { readFile } from "node:fs/promises";
import { JobError } from "../core/errors.ts";
import { type ImageReference, repositoryOf } from "../core/image-reference.ts";
import { withoutEnd } from "../core/outside-text.ts";

export type Side = "source" | "destination";

/** A login for one registry; `identityToken` is a refresh token in place of a password, as some registries' config files hold. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
  readonly identityToken?: string;
}

export interface CredentialSettings {
  readonly source?: RegistryLogin | undefined;
  readonly destination?: RegistryLogin | undefined;
  readonly sourceAuthfile?: string | undefined;
  readonly destinationAuthfile?: string | undefined;
  /** The login of the cluster's own registry; undefined for every other one. */
  readonly loginFor: (image: ImageReference, side: Side, signal: AbortSignal) => Promise<RegistryLogin | undefined>;
}

/** Whose login is wanted. `ownLogin` says whether the side's user and password belong to this image's registry. */
export interface LoginRequest {
  readonly image: ImageReference;
  readonly side: Side;
  readonly ownLogin: boolean;
}

const variables = { source: "BUILD_WATCHER_SRC_AUTHFILE", destination: "BUILD_WATCHER_DST_AUTHFILE" } as const;

/** Docker Hub has several names, and its login is kept under any of them. */
const dockerHub: readonly string[] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/** Finds a registry's login, most specific source first, reading every file anew: the operator's user and password, the auth file, the cluster's token. */
export function createCredentials(settings: CredentialSettings) {
  const authfiles = { source: settings.sourceAuthfile, destination: settings.destinationAuthfile };
  return {
    async find({ image, side, ownLogin }: LoginRequest, signal: AbortSignal): Promise<RegistryLogin | undefined> {
      const own = ownLogin ? settings[side] : undefined;
      return own ?? (await fromAuthfile(side, image)) ?? settings.loginFor(image, side, signal);
    },
    /** Throws when an auth file that was set cannot be read, so that it is said at start. */
    async check(): Promise<void> {
      await Promise.all((["source", "destination"] as const).map((side) => read(side)));
    },
  };

  async function fromAuthfile(side: Side, image: ImageReference): Promise<RegistryLogin | undefined> {
    const entries = await read(side);
    return entries && findLogin(entries, image);
  }

  async function read(side: Side): Promise<AuthEntries | undefined> {
    const path = authfiles[side];
    if (!path) return undefined;
    try {
      return parseAuthfile(await readFile(path, "utf8"));
    } catch (error) {
      const why = error instanceof SyntaxError ? "is no docker config JSON" : `cannot be read: ${(error as Error).message}`;
      throw new JobError("RegistryDenied", `${path} (${variables[side]}) ${why}`, { retryable: true });
    }
  }
}

/** Logins by registry, or by registry and the beginning of a repository. */
export type AuthEntries = ReadonlyMap<string, RegistryLogin>;

/** Reads a docker config JSON (`{"auths": {…}}`), or the old `.dockercfg` that is its inner part. Throws a `SyntaxError`, which quotes nothing. */
export function parseAuthfile(text: string): AuthEntries {
  const content = parseObject(text);
  const auths = "auths" in content ? content.auths : content;
  if (typeof auths !== "object" || auths === null) throw new SyntaxError("auths is no object");
  const entries = new Map<string, RegistryLogin>();
  for (const [key, value] of Object.entries(auths)) {
    const login = readLogin(value);
    if (login) entries.set(normalizeKey(key), login);
  }
  return entries;
}

/** The login with the longest key that the image lies under. */
export function findLogin(entries: AuthEntries, image: ImageReference): RegistryLogin | undefined {
  const parts = repositoryOf({ ...image, registry: hubName(image.registry) }).split("/");
  for (let length = parts.length; length > 0; length--) {
    const login = entries.get(parts.slice(0, length).join("/"));
    if (login) return login;
  }
  return undefined;
}

function parseObject(text: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new SyntaxError("not JSON");
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) throw new SyntaxError("no object");
  return content as Record<string, unknown>;
}

function readLogin(value: unknown): RegistryLogin | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { auth, username, password, identitytoken } = value as Record<string, unknown>;
  const token = typeof identitytoken === "string" && identitytoken !== "" ? { identityToken: identitytoken } : {};
  if (typeof username === "string" && username !== "" && typeof password === "string")
    return { user: username, password, ...token };
  if (typeof auth !== "string" || auth === "") return undefined;
  const [, user, secret] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(auth, "base64").toString("utf8")) ?? [];
  return user && secret !== undefined ? { user, password: secret, ...token } : undefined;
}

/** Docker wrote URLs as keys (`https://index.docker.io/v1/`). */
function normalizeKey(key: string): string {
  const bare = withoutEnd(key.replace(/^https?:\/\//, "").replace(/\/v[12]\/?$/, ""), "/");
  const [host = "", ...path] = bare.split("/");
  return [hubName(host), ...path].join("/");
}

function hubName(host: string): string {
  return dockerHub.includes(host) ? "docker.io" : host;
}
