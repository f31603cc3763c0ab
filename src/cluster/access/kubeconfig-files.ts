import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { JobError } from "../../core/jobs/errors.ts";
import type { KubeconfigSource } from "./context.ts";
import type { ReadFile } from "./file-reader.ts";
import { findPodAccount, type PodAccount } from "./pod-context.ts";

/** The texts of a kubeconfig's files, or a pod's account: equal values mean equal credentials. */
export interface KubeconfigText {
  readonly pod?: PodAccount;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/**
 * Finds the credentials as oc does: the files of KUBECONFIG, else ~/.kube/config, else the pod's service account, also where these files hold
 * nothing; a given URL without these is reached without credentials. Throws `JobError("ClusterUnavailable")` when there is nothing.
 */
export function createKubeconfigReader(source: KubeconfigSource, read: ReadFile): () => Promise<KubeconfigText> {
  const { KUBECONFIG, HOME } = source.environment;
  const named = (KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  let judged: { readonly text: string; readonly isEmpty: boolean } | undefined;

  // The files are read before every request, and a large one takes long to parse.
  function isKnownEmpty(text: string): boolean {
    if (judged?.text !== text) judged = { text, isEmpty: isEmpty(text) };
    return judged.isEmpty;
  }

  return async () => {
    const files = named.length > 0 ? await readNamed(named, read) : await readHome(HOME, read);
    if (files.some(({ text }) => !isKnownEmpty(text))) return { files };
    const pod = await findPodAccount(source, read);
    if (pod) return { pod, files: [] };
    if (files.length > 0) return { files };
    if (source.url) return { files: [] };
    throw unavailable("There is no OpenShift cluster to talk to: run oc login, or set KUBECONFIG or KUBERNETES_API_URL");
  };
}

/** Some of several files can be missing, as with oc, but not all. */
async function readNamed(paths: readonly string[], read: ReadFile): Promise<{ path: string; text: string }[]> {
  const files = await Promise.all(paths.map(async (path) => ({ path, text: await readUnlessMissing(path, read) })));
  const found = files.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  if (found.length > 0) return found;
  throw unavailable(`The kubeconfig ${paths.join(", ")} does not exist: correct KUBECONFIG, or run oc login to write it`);
}

async function readHome(home: string | undefined, read: ReadFile): Promise<{ path: string; text: string }[]> {
  const path = home ? join(home, ".kube", "config") : undefined;
  const text = path && (await read(path).then(String, () => undefined));
  return path && text ? [{ path, text }] : [];
}

/** As for client-go: no clusters, contexts and users. What cannot be read is not empty. */
function isEmpty(text: string): boolean {
  try {
    const document = parse(text, { logLevel: "error" }) as Readonly<Record<string, unknown>> | null | undefined;
    if (document === null || document === undefined) return true;
    const { clusters, contexts, users, "current-context": current } = document;
    const isNothing = (value: unknown) => !value || (Array.isArray(value) && value.length === 0);
    return typeof document === "object" && !Array.isArray(document) && [clusters, contexts, users, current].every(isNothing);
  } catch {
    return false;
  }
}

async function readUnlessMissing(path: string, read: ReadFile): Promise<string | undefined> {
  try {
    return String(await read(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw unavailable(
      `The kubeconfig ${path} cannot be read (${code}): correct KUBECONFIG, or make the file readable for the bot`,
    );
  }
}

function unavailable(message: string): JobError {
  return new JobError("ClusterUnavailable", message);
}
