import { join } from "node:path";
import { JobError } from "../../core/jobs/errors.ts";
import { type ClusterContext, type KubeconfigSource, serverUrl, skipsTls } from "./context.ts";
import type { ReadFile } from "./file-reader.ts";
import { readToken } from "./token-file.ts";

/** What a pod knows of its cluster. */
export interface PodAccount {
  readonly server: string;
  readonly namespace: string | undefined;
}

/** Finds the service account of the bot's pod, if it runs in one. */
export async function findPodAccount(source: KubeconfigSource, read: ReadFile): Promise<PodAccount | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = source.environment;
  if (!host || !(await readIfThere(source, "token", read))) return undefined;
  const namespace = (await readIfThere(source, "namespace", read))?.trim();
  return { server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`, namespace };
}

/**
 * The context of a pod's service account. It does not need @kubernetes/client-node, whose generated models would take most of the bot's
 * memory.
 */
export function podContext({ server: own, namespace }: PodAccount, source: KubeconfigSource, read: ReadFile): ClusterContext {
  const server = serverUrl(source.url ?? own);
  if (!server) throw new JobError("ClusterUnavailable", `${source.url} is not a valid server URL: correct KUBERNETES_API_URL`);
  const { serviceAccountDirectory: directory } = source;
  const unverified = skipsTls(server, source.verifyTls);
  return {
    server,
    namespace,
    proxyUrl: undefined,
    async authenticate(options) {
      if (unverified) options.rejectUnauthorized = false;
      else options.ca = await readAuthority(join(directory, "ca.crt"), read);
      const token = await readToken(join(directory, "token"), read);
      options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
    },
  };
}

async function readAuthority(path: string, read: ReadFile): Promise<Buffer> {
  try {
    return await read(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new JobError(
      "ClusterUnavailable",
      `The CA certificate ${path} cannot be read (${code}): the pod's service account names it`,
    );
  }
}

async function readIfThere(
  { serviceAccountDirectory }: KubeconfigSource,
  name: string,
  read: ReadFile,
): Promise<string | undefined> {
  return read(join(serviceAccountDirectory, name)).then(String, () => undefined);
}
