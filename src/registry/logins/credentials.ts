import { readFile } from "node:fs/promises";
import type { ImageReference } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { type AuthFile, findHelper, findLogin, parseAuthfile, type RegistryLogin } from "./auth-file.ts";
import type { CredentialHelpers } from "./credential-helper.ts";

export type { RegistryLogin } from "./auth-file.ts";

export type Side = "source" | "destination";

export interface CredentialSettings {
  readonly source?: RegistryLogin | undefined;
  readonly destination?: RegistryLogin | undefined;
  readonly sourceAuthfile?: string | undefined;
  readonly destinationAuthfile?: string | undefined;
  /** The login of the cluster's own registry; undefined for every other one. */
  readonly loginFor: (image: ImageReference, side: Side, signal: AbortSignal) => Promise<RegistryLogin | undefined>;
}

/** Which login is needed. `ownLogin`: the side's user and password are for this image's registry. */
interface LoginRequest {
  readonly image: ImageReference;
  readonly side: Side;
  readonly ownLogin: boolean;
}

/** Where logins come from. */
export interface Credentials {
  /**
   * A registry's login, most specific source first, reading every file again: the operator's user and password, the auth file or the helper that it
   * names, the cluster's token. Throws `JobError("RegistryDenied")` for what cannot be read.
   */
  find(request: LoginRequest, signal: AbortSignal): Promise<RegistryLogin | undefined>;
  /** Throws at start when a configured auth file cannot be read; returns what in it cannot be used. */
  check(): Promise<readonly string[]>;
  /** The hosts that auth files named when they were last read. */
  hosts(): readonly string[];
}

const variables = { source: "BUILD_WATCHER_SRC_AUTHFILE", destination: "BUILD_WATCHER_DST_AUTHFILE" } as const;
const sides = ["source", "destination"] as const;

/** Without `helpers` the credential helpers that a file names are not run. */
export function createCredentials(settings: CredentialSettings, helpers?: CredentialHelpers): Credentials {
  const paths = { source: settings.sourceAuthfile, destination: settings.destinationAuthfile };
  const named = new Map<Side, readonly string[]>();

  return {
    async find({ image, side, ownLogin }, signal) {
      const own = ownLogin ? settings[side] : undefined;
      return own ?? (await fromAuthfile(side, image, signal)) ?? settings.loginFor(image, side, signal);
    },
    async check() {
      return (await Promise.all(sides.map(doubtsOf))).flat();
    },
    hosts: () => [...named.values()].flat(),
  };

  async function fromAuthfile(side: Side, image: ImageReference, signal: AbortSignal): Promise<RegistryLogin | undefined> {
    const file = await read(side);
    if (!file) return undefined;
    const [login, helper] = [findLogin(file, image), findHelper(file, image)];
    if (!helper || !helpers || (login && !helper.goesFirst)) return login;
    try {
      return (await helpers.get(helper.name, helper.host, signal)) ?? login;
    } catch (error) {
      // A file from another machine can name a helper that is only there.
      if (login && (await helpers.fault(helper.name)) !== undefined) return login;
      throw error;
    }
  }

  async function doubtsOf(side: Side): Promise<readonly string[]> {
    const file = await read(side);
    if (!file) return [];
    const names = [...new Set(file.helpers.values())];
    const faults = await Promise.all(names.map((name) => helpers?.fault(name)));
    return [...file.unused, ...faults.filter((fault) => fault !== undefined)].map((doubt) => `${nameOf(side)}: ${doubt}`);
  }

  async function read(side: Side): Promise<AuthFile | undefined> {
    const path = paths[side];
    if (!path) return undefined;
    try {
      const file = parseAuthfile(await readFile(path, "utf8"));
      named.set(side, [...file.logins.keys(), ...file.helpers.keys()].map((key) => key.split("/")[0] ?? "").filter(isHost));
      return file;
    } catch (error) {
      const why = error instanceof SyntaxError ? error.message : `cannot be read: ${(error as Error).message}`;
      throw new JobError("RegistryDenied", `${nameOf(side)} ${why}`, { retryable: true });
    }
  }

  function nameOf(side: Side): string {
    return `${paths[side]} (${variables[side]})`;
  }
}

function isHost(name: string): boolean {
  return name !== "" && !name.includes("*");
}
