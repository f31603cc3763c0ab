import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmdirSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { openDatabase } from "../../src/postgres/index.ts";
import { openPostgresQueue } from "../../src/queue/postgres/queue.ts";
import { buildJob, nothing } from "../queue/jobs.ts";
import { describePostgres, type PostgresServer, serverUser, sharedPostgres, type TestDatabase } from "../support/postgres.ts";

const jobs = 400;

/** A database on a disk of a few megabytes; undefined where this user may not mount one. */
async function onSmallDisk(server: PostgresServer): Promise<TestDatabase | undefined> {
  const directory = mkdtempSync("/tmp/small-disk-");
  onTestFinished(() => rmdirSync(directory));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", directory], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["--lazy", directory]));
  const { uid = 0, gid = 0 } = serverUser();
  chownSync(directory, uid, gid);
  const made = await server.createDatabase();
  await server.query(`CREATE TABLESPACE small LOCATION '${directory}'`);
  await server.query(`ALTER DATABASE ${made.name} SET TABLESPACE small`);
  onTestFinished(async () => {
    await made.drop();
    await server.query("DROP TABLESPACE small");
  });
  return made;
}

describePostgres("a queue whose database has a full disk", () => {
  it("says so, takes in nothing meanwhile, and goes on when there is space", async ({ skip }) => {
    const made = await onSmallDisk(await sharedPostgres());
    if (!made) return skip("only root can mount a small disk");
    const database = openDatabase({ url: made.url });
    const queue = await openPostgresQueue({ database, queue: "submit", workers: 4, jobTimeout: 60_000, giveUpAfter: 60_000 });
    await made.query("CREATE TABLE filler (text text)");
    const fill = (kilobytes: number): Promise<void> =>
      made.query(`INSERT INTO filler SELECT repeat('x', 2000) FROM generate_series(1, ${kilobytes / 2})`).then(
        () => fill(kilobytes),
        () => undefined,
      );
    for (const kilobytes of [1_000, 100, 8]) await fill(kilobytes);
    const adding = Promise.all(Array.from({ length: jobs }, (_, number) => queue.add(buildJob(number))));
    await expect.poll(() => queue.trouble()?.message).toMatch(/disk is full/);
    await made.query("DROP TABLE filler");
    expect(new Set(await adding)).toEqual(new Set(["added"]));
    queue.work(async () => nothing);
    await queue.idle();
    expect(await queue.counts()).toMatchObject({ done: jobs, waiting: 0, running: 0, failed: 0 });
    expect(queue.trouble()).toBeUndefined();
    await queue.close();
    await database.close();
  });
});
