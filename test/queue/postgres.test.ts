import { afterAll, beforeAll } from "vitest";
import { describePostgres, sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { describeJobQueue } from "./job-queue.contract.ts";
import { openQueueDatabase, type QueueDatabase } from "./postgres-storage.ts";

describePostgres("PostgreSQL", () => {
  let made: TestDatabase;
  let opened: QueueDatabase;

  beforeAll(async () => {
    made = await (await sharedPostgres()).createDatabase();
    opened = await openQueueDatabase(made.url);
  });
  afterAll(async () => {
    await opened.close();
    await made.drop();
  });

  describeJobQueue("the queue in PostgreSQL", () => opened.storage(), { longOutages: false });
});
