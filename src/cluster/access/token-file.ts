import { readFile } from "node:fs/promises";
import { JobError } from "../../core/jobs/errors.ts";

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
