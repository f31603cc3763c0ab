import { afterAll, beforeAll } from "vitest";
import { describeJobQueue } from "../queue/job-queue.contract.ts";
import { openQueueDatabase, type QueueDatabase } from "../queue/postgres-storage.ts";
import { describePooler, type Pooler, sharedPostgres, startPooler, type TestDatabase } from "../support/postgres.ts";

describePooler("PostgreSQL behind pgbouncer in transaction mode", () => {
  let made: TestDatabase;
  let pooler: Pooler;
  let opened: QueueDatabase;

  beforeAll(async () => {
    const server = await sharedPostgres();
    made = await server.createDatabase();
    pooler = await startPooler(server, 3);
    opened = await openQueueDatabase(pooler.urlOf(made));
  });
  afterAll(async () => {
    await opened.close();
    await pooler.close();
    await made.drop();
  });

  describeJobQueue("the queue", () => opened.storage());
});
