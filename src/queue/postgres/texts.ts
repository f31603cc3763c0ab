import type { ImageName } from "../../core/images/image-name.ts";
import type { Job } from "../../core/jobs/job.ts";

/** A text that PostgreSQL accepts: without the character zero and half characters. */
export function clean<Text extends string | undefined>(text: Text): Text {
  return (typeof text === "string" ? text.replaceAll("\0", "\uFFFD").toWellFormed() : undefined) as Text;
}

/** The digest of an image as its build named it. Other work can have something else in this place. */
export function digestOfName(image: ImageName | undefined): string | undefined {
  const { reference, digest } = (image ?? {}) as { readonly reference?: { readonly digest?: string }; readonly digest?: string };
  return clean(reference?.digest ?? digest);
}

/** The digest of an image, as it was submitted. */
export function digestOfText(image: unknown): string | undefined {
  const text = typeof image === "string" && image.includes("@sha256:") ? image : undefined;
  return clean(text?.slice(text.indexOf("@") + 1));
}

/** The digests of the images that a job's build took files from. */
export function inputDigests({ inputs }: Job): readonly string[] {
  if (!Array.isArray(inputs)) return [];
  return inputs.map((image: ImageName) => digestOfName(image)).filter((digest) => digest !== undefined);
}
