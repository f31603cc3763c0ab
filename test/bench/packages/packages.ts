import type { Measurement } from "../measurement.ts";
import { benchAgainstTrivy } from "./against-trivy.ts";
import { benchMemory } from "./memory.ts";
import { benchStore } from "./store.ts";
import { benchSubmissions } from "./submissions.ts";

/** Reading images: against Trivy, in memory, on disk, and beside other work. */
export async function benchPackages(): Promise<readonly Measurement[]> {
  return [...(await benchAgainstTrivy()), await benchMemory(), ...(await benchStore()), await benchSubmissions()];
}
