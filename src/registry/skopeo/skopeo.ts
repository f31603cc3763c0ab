import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type ChildExit, runChild } from "../../children/child.ts";
import { createLauncher } from "../../children/launcher.ts";
import { isMachineCode } from "../../children/machine-code.ts";
import { type ChildFiles, type HostProcess, openRunDirectory, type RunDirectory } from "../../children/run-directory.ts";
import { watchTraffic } from "../../children/traffic.ts";
import type { Clock } from "../../core/clock.ts";
import { secretsOf } from "../../core/hosts/auth-file.ts";
import { noProxies, type Proxies } from "../../core/hosts/proxy.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { JobError, SetupError } from "../../core/jobs/errors.ts";
import { patienceFor, SilentCopy, usualPatience } from "./silence.ts";
import {
  childEnvironment,
  childFiles,
  copyArguments,
  goSettings,
  inspectArguments,
  policyArguments,
  type SkopeoCopy,
  type SkopeoSide,
} from "./skopeo-arguments.ts";
import { explainFailure, type FailedCopy } from "./skopeo-errors.ts";

export interface SkopeoSettings {
  /** The program; default: the one on PATH. */
  readonly path?: string | undefined;
  readonly stateDirectory: string;
  /** Milliseconds after which skopeo gives up by itself. */
  readonly commandTimeout: number;
  /** Milliseconds without a byte after which a copy is stopped. Default: a minute. */
  readonly patience?: number | undefined;
  readonly host: HostProcess;
  readonly clock: Clock;
  /** Those that the bot itself goes through. */
  readonly proxies?: Proxies | undefined;
}

/** Told how a copy gets on. */
interface CopyTraffic {
  moving(): void;
  /** No data moved for this many milliseconds; called repeatedly. */
  quiet(milliseconds: number): void;
  /** It says that the image was pushed, a little before it ends. Called once or more, where the system tells. */
  pushed(): void;
}

export interface Skopeo {
  /**
   * Copies an image with all its platforms, digests unchanged, and resolves when skopeo said that exactly this digest was pushed. Throws `JobError`,
   * and `SilentCopy` when no byte moves for a minute.
   */
  copy(request: SkopeoCopy, signal: AbortSignal, traffic?: CopyTraffic): Promise<void>;
  /** Returns the manifest of an image, as bytes, for what the bot itself was refused. Throws `JobError`. */
  inspect(image: ImageReference, side: SkopeoSide, certificates: string, signal: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}

/** Characters; registries take manifests of 4 MiB at most. */
const longestManifest = 4 * 1024 * 1024;

function createInspector(
  {
    path,
    host,
    clock,
    proxies,
  }: Required<Pick<SkopeoSettings, "host" | "clock">> & { readonly path: string; readonly proxies: Proxies },
  runs: RunDirectory,
  argumentsFor: (args: readonly string[]) => readonly string[],
  environment: Readonly<Record<string, string>>,
  exiting: AbortSignal,
): Skopeo["inspect"] {
  return async (image, side, certificates, signal) => {
    const files = runs.create(childFiles({ source: image, destination: image, from: side, to: side, certificates }));
    try {
      const args = argumentsFor(inspectArguments(image, side, certificates, files));
      const child = { command: path, args, environment, host, clock, longestOutput: longestManifest };
      const exit = await runChild(child, AbortSignal.any([signal, exiting])).catch((error) => {
        throw notStarted(path, error);
      });
      signal.throwIfAborted();
      if (exit.code === 0) return Buffer.from(exit.stdout);
      const proxyOf = (registry: string) => proxies.proxyFor(new URL(`https://${registry}`))?.name;
      const names = { source: image, destination: image, proxyOf, secrets: secretsOf(side.login) };
      throw explainFailure(exit, { ...names, work: `look up ${formatImageReference(image)}` });
    } finally {
      files.remove();
    }
  };
}

/**
 * skopeo as child processes: logins in files that exist as long as the child, its own home for the cache that lets it mount blobs
 * across repositories, and the machine's signature policy, where there is one.
 */
export async function openSkopeo(settings: SkopeoSettings): Promise<Skopeo> {
  const {
    path = "skopeo",
    stateDirectory,
    commandTimeout,
    host,
    clock,
    proxies = noProxies,
    patience = usualPatience,
  } = settings;
  const runs = await openRunDirectory(stateDirectory, host, clock);
  const home = join(stateDirectory, "skopeo", "home");
  await mkdir(home, { recursive: true, mode: 0o700 });
  const policy = await policyArguments(home);
  const environment = childEnvironment(host, home, proxies);
  const launcher = createLauncher();
  const isAlone = await isMachineCode(path, environment.PATH);
  const exiting = new AbortController();
  const endChildren = () => exiting.abort();
  host.once("exit", endChildren);

  const timeout = ["--command-timeout", `${Math.ceil(commandTimeout / 1000)}s`];
  let running = 0;

  async function run(request: SkopeoCopy, files: ChildFiles, signal: AbortSignal, traffic: CopyTraffic): Promise<ChildExit> {
    const silence = new AbortController();
    let stopWatching = () => {};
    const quiet = (milliseconds: number, read: number) => {
      traffic.quiet(milliseconds);
      if (milliseconds >= patienceFor(patience, read, request.bytes)) silence.abort(new SilentCopy(milliseconds));
    };
    const begun = (pid: number) => {
      stopWatching = watchTraffic(pid, clock, { moving: traffic.moving, quiet });
    };
    const args = [...timeout, ...policy, "copy", ...copyArguments(request, files)];
    const withGo = { ...environment, ...goSettings(host, ++running) };
    const child = { command: path, args, environment: withGo, host, clock, begun, isAlone };
    try {
      const exit = await launcher.run(child, AbortSignal.any([signal, exiting.signal, silence.signal])).catch((error) => {
        throw notStarted(path, error);
      });
      signal.throwIfAborted();
      silence.signal.throwIfAborted();
      return exit;
    } finally {
      running--;
      stopWatching();
    }
  }

  return {
    async copy(request, signal, traffic = unheard) {
      signal.throwIfAborted();
      const files = runs.create(childFiles(request), (name) => name === "digest" && traffic.pushed());
      try {
        const exit = await run(request, files, signal, traffic);
        judge({ ...request, proxyOf: (registry) => proxies.proxyFor(new URL(`https://${registry}`))?.name }, exit, files);
      } finally {
        files.remove();
      }
    },
    inspect: createInspector(
      { ...settings, path, proxies },
      runs,
      (args) => [...timeout, ...policy, "inspect", ...args],
      environment,
      exiting.signal,
    ),
    close() {
      host.off("exit", endChildren);
      launcher.close();
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

function judge(request: SkopeoCopy & Pick<FailedCopy, "proxyOf">, exit: ChildExit, files: ChildFiles): void {
  const { source, destination, from, to } = request;
  if (exit.code !== 0) throw explainFailure(exit, { ...request, secrets: [...secretsOf(from.login), ...secretsOf(to.login)] });
  const what = `${formatImageReference(source)} to ${formatImageReference(destination)}`;
  const digest = files.read("digest").trim();
  if (digest === source.digest) return;
  throw new JobError("CopyFailed", `skopeo said it copied ${what}, but the digest it pushed is ${digest || "missing"}`);
}

const unheard: CopyTraffic = { quiet: () => {}, moving: () => {}, pushed: () => {} };

function notStarted(path: string, error: NodeJS.ErrnoException): JobError {
  const advice = error.code === "ENOENT" || error.code === "EACCES" ? "install skopeo or set SKOPEO_EXEC_PATH" : "it is retried";
  return new JobError("CopyFailed", `${path} could not be started (${error.code ?? error.message}): ${advice}`, {
    retryable: true,
  });
}
