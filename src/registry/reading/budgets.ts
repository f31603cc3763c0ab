import { JobError } from "../../core/jobs/errors.ts";

/** Limits for reading one image. */
export interface ImageBudget {
  /** Counts a manifest that is asked for. Throws `JobError` when there were too many. */
  request(): void;
  /** Checks how deeply an index is nested. Throws `JobError` when that is too deep. */
  depth(depth: number): void;
  /** Counts bytes of manifests. Throws `JobError` when there were too many. */
  bytes(count: number): void;
}

/** An index has a dozen platforms at most, each with an attestation, and no index in it; manifests have some kilobytes. */
const limits = { requests: 200, bytes: 16 * 1024 * 1024, depth: 1 };

/** A budget for one image, named for messages. The image will not shrink, so the failure is final. */
export function createImageBudget(image: string): ImageBudget {
  const spent = { requests: 0, bytes: 0, depth: 0 };
  const set = (what: keyof typeof limits, value: number, words: string) => {
    spent[what] = value;
    if (value <= limits[what]) return;
    throw new JobError("CopyFailed", `${image} is not read: ${words}`, { retryable: false });
  };
  return {
    request: () => set("requests", spent.requests + 1, `it names more than ${limits.requests} manifests`),
    depth: (depth) => set("depth", depth, "it is an index that names further indexes"),
    bytes: (count) => set("bytes", spent.bytes + count, `its manifests have more than ${limits.bytes} bytes`),
  };
}
