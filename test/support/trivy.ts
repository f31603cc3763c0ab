import { existsSync } from "node:fs";
import { join } from "node:path";

/** The path of the Trivy that `.ci/run` puts into `.tools`; undefined where it did not. */
export function findTrivy(): string | undefined {
  const path = join(import.meta.dirname, "../../.tools/bin/trivy");
  return existsSync(path) ? path : undefined;
}
