import type { Job } from "../../src/core/jobs/job.ts";
import type { JobResult } from "../../src/queue/job-queue.ts";
import { digestOf, job } from "./records.ts";

/** Markup that would run or load something, were it ever taken for such. */
export const attacks = [
  `<script>window.hacked = 1</script>`,
  `"><img src=x onerror="window.hacked = 2">`,
  `'><svg/onload=window.hacked=3>`,
  `</title></textarea></noscript><script>window.hacked = 4</script>`,
  "&lt;script&gt;window.hacked = 5&lt;/script&gt;",
  "javascript:window.hacked=6",
  "\u202e\u2066gnirts desrever\u202d",
  "مرحبا بالعالم שלום עולם",
  "a\u0000b\u001b[31mc\r\nevent: row\ndata: {}\n\n",
  "w".repeat(10_000),
  `${"<b>".repeat(3_000)}`,
];

/** A job whose every text is the attack. */
export function hostileJob(attack: string, number: number): Job {
  const made = job(`ns-${number}/name-${number}`);
  return {
    ...made,
    id: `build-${number}-${attack.slice(0, 40)}`,
    build: { namespace: attack, name: attack, uid: attack },
    buildConfig: attack,
    trigger: attack,
    commit: attack,
    origin: attack,
    completedAt: attack,
    output: { kind: "stream-tag", namespace: attack, stream: attack, tag: attack },
    base: { kind: "reference", reference: { registry: attack, repository: attack, tag: attack, digest: digestOf(attack) } },
  };
}

export function hostileResult(attack: string): JobResult {
  return {
    output: `${attack}@${attack}`,
    base: attack,
    analyses: [{ of: attack, id: attack, cached: false, state: "succeeded", endedAt: Number.NaN }],
    notes: [attack, attack],
    link: attack,
  };
}
