import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { JobError } from "../../core/jobs/errors.ts";
import type { KubeconfigSource } from "./context.ts";
import { findPodAccount, type PodAccount } from "./pod-context.ts";

/** The texts of a kubeconfig's files, or a pod's account: equal values mean equal credentials. */
export interface KubeconfigText {
  readonly pod?: PodAccount;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/**
 * Finds the credentials as oc does: the files of KUBECONFIG, else ~/.kube/config, else the pod's service account; a given URL without these is reached
 * without credentials. Throws `JobError("ClusterUnavailable")` when there is nothing.
 */
export async function readKubeconfig(source: KubeconfigSource): Promise<KubeconfigText> {
  const { KUBECONFIG, HOME } = source.environment;
  const named = (KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  if (named.length > 0) return { files: await readNamed(named) };
  const home = HOME ? join(HOME, ".kube", "config") : undefined;
  const text = home && (await readIfThere(home));
  if (home && text) return { files: [{ path: home, text }] };
  const pod = await findPodAccount(source);
  if (pod) return { pod, files: [] };
  if (source.url) return { files: [] };
  throw unavailable("There is no OpenShift cluster to talk to: run oc login, or set KUBECONFIG or KUBERNETES_API_URL");
}

/** Some of several files can be missing, as with oc, but not all. */
async function readNamed(paths: readonly string[]): Promise<{ path: string; text: string }[]> {
  const files = await Promise.all(paths.map(async (path) => ({ path, text: await readUnlessMissing(path) })));
  const found = files.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  if (found.length > 0) return found;
  throw unavailable(`The kubeconfig ${paths.join(", ")} does not exist: correct KUBECONFIG, or run oc login to write it`);
}

async function readUnlessMissing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw unavailable(
      `The kubeconfig ${path} cannot be read (${code}): correct KUBECONFIG, or make the file readable for the bot`,
    );
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}

function unavailable(message: string): JobError {
  return new JobError("ClusterUnavailable", message);
}
