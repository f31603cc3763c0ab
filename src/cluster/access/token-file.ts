import { readFile } from "node:fs/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { JobError } from "../../core/errors.ts";

/**
 * Authenticates with the token in a file, read for every request: client-node's own reader keeps a token for a minute, also one that was
 * refused, and sends the line break at its end along.
 */
export const bearerTokenFile: Parameters<KubeConfig["addAuthenticator"]>[0] = {
  isAuthProvider: (user) => user.authProvider?.name === "token-file",
  async applyAuthentication(user, options) {
    const token = await readToken(user.authProvider?.config?.path);
    options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
  },
};

/** The token in a file. Throws `JobError("ClusterUnavailable")`. */
export async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new JobError(
      "ClusterUnavailable",
      `The token file ${path} cannot be read (${code}): the kubeconfig or the pod names it`,
    );
  }
}
