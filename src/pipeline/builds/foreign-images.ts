import type { Cluster } from "../../cluster/cluster.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";

/** The namespace of OpenShift's own images, which everybody can read. */
const commonNamespace = "openshift";

/**
 * Checks whether the bot may read an image for a job with its own logins. Builds name their images, and the bot can read more than their
 * authors: in the cluster's registry it only reads images of the build's own namespace, a watched one, or `openshift`. The command line can name
 * any image. Throws `JobError("ForeignNamespace")`.
 */
export function createForeignImageCheck(
  { ownsImage, namespaces }: Pick<Cluster, "ownsImage" | "namespaces">,
  readsWithLogin: boolean,
): (image: ImageReference, job: Pick<Job, "build" | "cause">) => void {
  return (image, { build, cause }) => {
    if (!readsWithLogin || cause === "command-line" || !ownsImage(image)) return;
    const [namespace = ""] = image.repository.split("/");
    const isWatched = namespaces.includes(undefined) || namespaces.includes(namespace);
    if (isWatched || namespace === build?.namespace || namespace === commonNamespace) return;
    const whose = build ? `neither the build's own (${build.namespace}) nor watched` : "not watched";
    throw new JobError(
      "ForeignNamespace",
      `${formatImageReference(image)} is in the namespace ${namespace}, which is ${whose}. If that is right, add it to THOTH_WATCHED_NAMESPACE`,
    );
  };
}
