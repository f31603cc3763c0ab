import { access, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ChildFiles, HostProcess } from "../../children/run-directory.ts";
import { formatAuthfile } from "../../core/hosts/auth-file.ts";
import type { Proxies } from "../../core/hosts/proxy.ts";
import { type Digest, formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import type { RegistryLogin } from "../logins/credentials.ts";

/** One side of a copy. */
export interface SkopeoSide {
  readonly login: RegistryLogin | undefined;
  readonly verifyTls: boolean;
}

export interface SkopeoCopy {
  readonly source: ImageReference & { readonly digest: Digest };
  /** Named by tag. */
  readonly destination: ImageReference;
  readonly from: SkopeoSide;
  readonly to: SkopeoSide;
  /** CA certificates trusted in addition to the system's, as PEM. */
  readonly certificates: string;
  /** The manifest's media type, if known: some registries refuse it without saying so. */
  readonly mediaType?: string | undefined;
  /** The size of its blobs, if known. */
  readonly bytes?: number | undefined;
}

const passedOn = ["PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "CONTAINERS_REGISTRIES_CONF"];
const systemPolicy = "/etc/containers/policy.json";
const acceptAnything = JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] });

/** The files for a copy: its logins and certificates. */
export function childFiles({
  source,
  destination,
  from,
  to,
  certificates,
}: Pick<SkopeoCopy, "destination" | "from" | "to" | "certificates"> & { readonly source: ImageReference }): Record<
  string,
  string
> {
  return {
    "source.json": formatAuthfile(source.registry, from.login),
    "destination.json": formatAuthfile(destination.registry, to.login),
    ...(certificates && { "certs/ca.crt": certificates }),
  };
}

/** The arguments after `skopeo copy`. */
export function copyArguments({ source, destination, from, to, certificates }: SkopeoCopy, files: ChildFiles): string[] {
  const certs = certificates ? ["--src-cert-dir", files.path("certs"), "--dest-cert-dir", files.path("certs")] : [];
  return [
    // Signatures of the source cannot be kept in other registries; without them digests stay the same.
    ...["--quiet", "--all", "--preserve-digests", "--remove-signatures"],
    ...["--src-authfile", files.path("source.json"), "--dest-authfile", files.path("destination.json")],
    ...[`--src-tls-verify=${from.verifyTls}`, `--dest-tls-verify=${to.verifyTls}`],
    ...certs,
    ...["--digestfile", files.path("digest")],
    `docker://${formatImageReference(source)}`,
    `docker://${formatImageReference(destination)}`,
  ];
}

/** What follows `skopeo inspect`, for a manifest as the registry has it. */
export function inspectArguments(image: ImageReference, side: SkopeoSide, certificates: string, files: ChildFiles): string[] {
  const certs = certificates ? ["--cert-dir", files.path("certs")] : [];
  const login = ["--authfile", files.path("source.json"), `--tls-verify=${side.verifyTls}`];
  return ["--raw", ...login, ...certs, `docker://${formatImageReference(image)}`];
}

/** Skopeo needs a policy: the machine's own, else one that accepts every image, like that of distributions. */
export async function policyArguments(home: string): Promise<string[]> {
  const exists = await access(systemPolicy).then(
    () => true,
    () => false,
  );
  if (exists) return [];
  const path = join(home, "policy.json");
  await writeFile(path, acceptAnything, { mode: 0o600 });
  return ["--policy", path];
}

/** The environment of skopeo: only proxies and paths. */
export function childEnvironment(host: HostProcess, home: string, proxies: Proxies): Record<string, string> {
  const allowed = passedOn.flatMap((name) => (host.env[name] ? [[name, host.env[name]] as const] : []));
  return {
    ...Object.fromEntries(allowed),
    ...proxies.environment,
    HOME: home,
    XDG_DATA_HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_RUNTIME_DIR: home,
    // Root's cache would be the machine's, ignoring HOME; containers/image (internal/rootless) reads this before it asks who we are.
    ...(host.getuid?.() === 0 && { _CONTAINERS_ROOTLESS_UID: "65534" }),
  };
}

/**
 * How Go runs skopeo, unless the operator says it. Go uses a thread for every processor of the node, ignoring the pod's limit. The copies share what is
 * free: the bot needs a processor itself, and a copy whose threads wait for one is slower than with fewer threads. Go collects garbage first at 4 MiB,
 * which is while skopeo starts; a copy needs little more memory, however large its layers are.
 */
export function goSettings({ env }: HostProcess, running: number): Record<string, string> {
  const free = availableParallelism() - 1;
  return {
    GOMAXPROCS: env.GOMAXPROCS ?? String(Math.max(1, Math.floor(free / running))),
    GOGC: env.GOGC ?? "200",
  };
}
