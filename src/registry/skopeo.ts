import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ChildExit, runChild } from "../children/child.ts";
import { type ChildFiles, type HostProcess, openRunDirectory } from "../children/run-directory.ts";
import { formatAuthfile, secretsOf } from "../core/auth-file.ts";
import type { Clock } from "../core/clock.ts";
import { JobError, SetupError } from "../core/errors.ts";
import { type Digest, formatImageReference, type ImageReference } from "../core/image-reference.ts";
import { noProxies, type Proxies } from "../core/proxy.ts";
import type { RegistryLogin } from "./credentials.ts";
import { explainFailure } from "./skopeo-errors.ts";

export interface SkopeoSettings {
  /** The program; default: the one on PATH. */
  readonly path?: string | undefined;
  readonly stateDirectory: string;
  /** Milliseconds after which skopeo gives up by itself. */
  readonly commandTimeout: number;
  readonly host: HostProcess;
  readonly clock: Clock;
  /** Those that the bot itself goes through. */
  readonly proxies?: Proxies | undefined;
}

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
  /** CA certificates trusted beside the system's, as PEM. */
  readonly certificates: string;
  /** The manifest's media type, where it is known: some registries refuse it without saying so. */
  readonly mediaType?: string | undefined;
}

export interface Skopeo {
  /** Copies an image with all its platforms, digests unchanged, and resolves when skopeo said that exactly this digest was pushed. Throws `JobError`. */
  copy(request: SkopeoCopy, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const passedOn = ["PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "CONTAINERS_REGISTRIES_CONF"];
const systemPolicy = "/etc/containers/policy.json";
const acceptAnything = JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] });

/**
 * skopeo as child processes: logins in files that live as long as the child, a home of its own for the cache that lets it mount blobs
 * across repositories, and the machine's signature policy, where there is one.
 */
export async function openSkopeo(settings: SkopeoSettings): Promise<Skopeo> {
  const { path = "skopeo", stateDirectory, commandTimeout, host, clock, proxies = noProxies } = settings;
  const runs = await openRunDirectory(stateDirectory, host, clock);
  const home = join(stateDirectory, "skopeo", "home");
  await mkdir(home, { recursive: true, mode: 0o700 });
  const policy = await policyArguments(home);
  const environment = childEnvironment(host, home, proxies);
  const exiting = new AbortController();
  const endChildren = () => exiting.abort();
  host.once("exit", endChildren);

  return {
    async copy(request, signal) {
      signal.throwIfAborted();
      const files = await runs.create(childFiles(request));
      try {
        const timeout = ["--command-timeout", `${Math.ceil(commandTimeout / 1000)}s`];
        const args = [...timeout, ...policy, "copy", ...copyArguments(request, files)];
        const child = { command: path, args, environment, host, clock };
        const exit = await runChild(child, AbortSignal.any([signal, exiting.signal])).catch((error) => {
          throw notStarted(path, error);
        });
        signal.throwIfAborted();
        await judge(request, exit, files);
      } finally {
        await files.remove();
      }
    },
    close() {
      host.off("exit", endChildren);
      return runs.close();
    },
  };
}

/** The version of a skopeo. Throws an `SetupError` that says how to install or update it. */
export async function checkSkopeo(path: string | undefined, host: HostProcess, clock: Clock): Promise<{ version: string }> {
  const command = path ?? "skopeo";
  const environment = { PATH: host.env.PATH ?? "" };
  const args = ["--version"];
  const exit = await runChild({ command, args, environment, host, clock }, AbortSignal.timeout(10_000)).catch(() => undefined);
  const version = /\bversion (\d+)\.(\d+)\S*/.exec(exit?.stdout ?? "");
  const advice = "Install skopeo 1.9 or newer (dnf install skopeo, apt install skopeo), or name it by SKOPEO_EXEC_PATH.";
  if (!version) throw new SetupError(`THOTH_PUSH_REGISTRY needs skopeo, and ${command} cannot be run. ${advice}`);
  const [, major, minor] = version.map(Number);
  const shown = version[0].slice("version ".length);
  if ((major ?? 0) < 1 || (major === 1 && (minor ?? 0) < 9))
    throw new SetupError(`${command} is version ${shown}, too old. ${advice}`);
  return { version: shown };
}

function childFiles({ source, destination, from, to, certificates }: SkopeoCopy): Record<string, string> {
  return {
    "source.json": formatAuthfile(source.registry, from.login),
    "destination.json": formatAuthfile(destination.registry, to.login),
    ...(certificates && { "certs/ca.crt": certificates }),
  };
}

function copyArguments({ source, destination, from, to, certificates }: SkopeoCopy, files: ChildFiles): string[] {
  const certs = certificates ? ["--src-cert-dir", files.path("certs"), "--dest-cert-dir", files.path("certs")] : [];
  return [
    // Signatures of the source lie beside the copy, where no registry but its own could take them; without them digests stay as they are.
    ...["--quiet", "--all", "--preserve-digests", "--remove-signatures"],
    ...["--src-authfile", files.path("source.json"), "--dest-authfile", files.path("destination.json")],
    ...[`--src-tls-verify=${from.verifyTls}`, `--dest-tls-verify=${to.verifyTls}`],
    ...certs,
    ...["--digestfile", files.path("digest")],
    `docker://${formatImageReference(source)}`,
    `docker://${formatImageReference(destination)}`,
  ];
}

async function judge(request: SkopeoCopy, exit: ChildExit, files: ChildFiles): Promise<void> {
  const { source, destination, from, to } = request;
  if (exit.code !== 0) throw explainFailure(exit, { ...request, secrets: [...secretsOf(from.login), ...secretsOf(to.login)] });
  const what = `${formatImageReference(source)} to ${formatImageReference(destination)}`;
  const digest = (await readFile(files.path("digest"), "utf8").catch(() => "")).trim();
  if (digest === source.digest) return;
  throw new JobError("CopyFailed", `skopeo said it copied ${what}, but the digest it pushed is ${digest || "missing"}`);
}

/** Skopeo wants a policy; the machine's own counts, and without one every image is accepted, as distributions ship it. */
async function policyArguments(home: string): Promise<string[]> {
  const exists = await access(systemPolicy).then(
    () => true,
    () => false,
  );
  if (exists) return [];
  const path = join(home, "policy.json");
  await writeFile(path, acceptAnything, { mode: 0o600 });
  return ["--policy", path];
}

function childEnvironment(host: HostProcess, home: string, proxies: Proxies): Record<string, string> {
  const allowed = passedOn.flatMap((name) => (host.env[name] ? [[name, host.env[name]] as const] : []));
  return {
    ...Object.fromEntries(allowed),
    ...proxies.environment,
    HOME: home,
    XDG_DATA_HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_RUNTIME_DIR: home,
    // A copy waits for its registries, and Go takes a thread for every processor of the node, whatever the pod's limit: with one, copies are faster.
    GOMAXPROCS: host.env.GOMAXPROCS ?? "1",
    // Root's cache would be the machine's, whatever HOME says; containers/image (internal/rootless) reads this before it asks who we are.
    ...(host.getuid?.() === 0 && { _CONTAINERS_ROOTLESS_UID: "65534" }),
  };
}

function notStarted(path: string, error: NodeJS.ErrnoException): JobError {
  const advice =
    error.code === "ENOENT" || error.code === "EACCES" ? "install skopeo or set SKOPEO_EXEC_PATH" : "it is tried again";
  return new JobError("CopyFailed", `${path} could not be started (${error.code ?? error.message}): ${advice}`, {
    retryable: true,
  });
}
