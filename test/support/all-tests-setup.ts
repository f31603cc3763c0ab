import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundleBot } from "./bundled-bot.ts";
import { makeCluster } from "./postgres.ts";
import { findProgram } from "./programs.ts";

/**
 * What pays only where all tests run (`npm test`): their bots start from a bundle, and their PostgreSQL servers from copies of one empty cluster. A run of
 * some files starts the sources, and makes each cluster anew.
 */
export default async function setup(): Promise<(() => void) | undefined> {
  if (process.env.TEST_ALL !== "1") return;
  const [program, cluster] = await Promise.all([bundleBot(), findProgram("initdb") && makeCluster()]);
  process.env.BOT_PROGRAM = program;
  if (cluster === undefined) return;
  process.env.POSTGRES_CLUSTER = join(cluster, "data");
  return () => rmSync(cluster, { recursive: true, force: true });
}
