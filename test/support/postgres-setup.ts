import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeCluster } from "./postgres.ts";
import { findProgram } from "./programs.ts";

/** Where all tests run, their PostgreSQL servers start from copies of one empty cluster: making one takes seconds. */
export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env.TEST_ALL !== "1" || findProgram("initdb") === undefined) return;
  const directory = await makeCluster();
  process.env.POSTGRES_CLUSTER = join(directory, "data");
  return () => rmSync(directory, { recursive: true, force: true });
}
