import type { Cluster } from "../cluster/cluster.ts";
import { JobError } from "../core/errors.ts";
import { formatImageReference, type ImageReference } from "../core/image-reference.ts";
import type { Job } from "../core/job.ts";

/** The namespace of the images that OpenShift brings along; everybody may read it. */
const commonNamespace = "openshift";

/**
 * Tells whether the bot may read an image for a job with logins of its own. Whoever makes a Build names its images, and the bot can read more than
 * he: of the cluster's registry it reads for a build what lies in the build's own namespace, a watched one, or `openshift`. What is named on the
 * command line is the operator's own wish. Throws `JobError("ForeignNamespace")`.
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
      `${formatImageReference(image)} lies in the namespace ${namespace}, which is ${whose}. If that is right, add it to THOTH_WATCHED_NAMESPACE`,
    );
  };
}
