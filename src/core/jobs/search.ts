import { formatImageName } from "../images/image-name.ts";
import type { FailureReason } from "./errors.ts";
import { describeJob, type Job } from "./job.ts";

/** What a search reads. */
export interface Searched {
  readonly job: Job;
  readonly error?: { readonly reason: FailureReason; readonly message: string };
}

/** Whether every word of a text occurs in what people read of a job: its names, images, source and error. Ignores case. */
export function mentions(searched: Searched, text: string): boolean {
  const said = sayings(searched).toLowerCase();
  return wordsOf(text).every((word) => said.includes(word));
}

/** The words of a search, in lower case. */
export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function sayings({ job, error }: Searched): string {
  const { id, output, base, buildConfig, origin, commit, trigger } = job;
  const images = [output, base].map((image) => image && formatImageName(image));
  return [describeJob(job), id, buildConfig, ...images, origin, commit, trigger, error?.reason, error?.message].join("\n");
}
