import type { ImageName } from "../core/images/image-name.ts";
import type { Job } from "../core/jobs/job.ts";
import type { JobResult } from "./job-queue.ts";

/** The digest of an image as its build named it. Other work can have something else in this place. */
export function digestOfName(image: ImageName | undefined): string | undefined {
  const { reference, digest } = (image ?? {}) as { readonly reference?: { readonly digest?: string }; readonly digest?: string };
  const text = reference?.digest ?? digest;
  return typeof text === "string" ? text : undefined;
}

/** The digest of an image, as it was submitted. */
export function digestOfText(image: unknown): string | undefined {
  return typeof image === "string" && image.includes("@sha256:") ? image.slice(image.indexOf("@") + 1) : undefined;
}

/** The image that a result is about, where it is named by its digest. */
export function imageOfResult({ source }: Pick<JobResult, "source">): string | undefined {
  return digestOfText(source) === undefined ? undefined : source;
}

/** The digests of the images that a job's build took files from. */
export function inputDigests({ inputs }: Job): readonly string[] {
  if (!Array.isArray(inputs)) return [];
  return inputs.map((image: ImageName) => digestOfName(image)).filter((digest) => digest !== undefined);
}
