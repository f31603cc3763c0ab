import { JobError } from "../../core/jobs/errors.ts";
import type { ReadFile } from "./file-reader.ts";

/** The token in a file. Throws `JobError("ClusterUnavailable")`. */
export async function readToken(path: string, read: ReadFile): Promise<string> {
  try {
    return (await read(path)).toString("utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new JobError(
      "ClusterUnavailable",
      `The token file ${path} cannot be read (${code}): the kubeconfig or the pod names it`,
    );
  }
}
