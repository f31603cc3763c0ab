import { createHash } from "node:crypto";
import type { Digest } from "../../src/core/images/image-reference.ts";
import type { Job } from "../../src/core/jobs/job.ts";
import type { JobRecord } from "../../src/queue/job-queue.ts";

export function digestOf(name: string): Digest {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}

/** The job of a build `namespace/name` that made an image of that name, on the image of another build if one is named. */
export function job(subject: string, { on, ...facts }: Partial<Job> & { readonly on?: string } = {}): Job {
  const [namespace = "", name = ""] = subject.split("/");
  const image = (of: string) => {
    const repository = of.replace(/-\d+$/, "");
    return { kind: "reference" as const, reference: { registry: "registry.example:5000", repository, digest: digestOf(of) } };
  };
  return {
    id: `build-${digestOf(subject).slice(7, 19)}`,
    analyzer: "thoth",
    cause: "build",
    build: { namespace, name, uid: digestOf(subject).slice(7, 19) },
    buildConfig: subject.replace(/-\d+$/, ""),
    output: image(subject),
    ...(on !== undefined && { base: image(on) }),
    ...facts,
  };
}

export function record(facts: Partial<JobRecord> = {}): JobRecord {
  return { job: job("shop/web-1"), state: "done", attempts: 1, createdAt: 0, updatedAt: 5_000, ...facts };
}
