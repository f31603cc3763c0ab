import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { QueueUnavailableError } from "../../src/queue/job-queue.ts";
import { createApplication } from "../../src/server/application.ts";

const gone = "The database db:5432/bot cannot be used: nothing listens there.";

it.each([
  ["jobs", new QueueUnavailableError(gone)],
  ["packages", new JobError("DatabaseUnavailable", gone)],
])("while the database of %s cannot be used, page and API say so, and to try again", async (_, error) => {
  const reported: unknown[] = [];
  const app = createApplication([() => Promise.reject(error)], (fault) => reported.push(fault));
  const server = createServer(app).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const ask = (path: string, accept: string) =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { headers: { accept } });
  const api = await ask("/api/jobs", "application/json");
  expect([api.status, api.headers.get("retry-after"), await api.json()]).toEqual([503, "5", { error: gone }]);
  const page = await ask("/", "text/html");
  expect(page.status).toBe(503);
  expect(await page.text()).toContain("nothing listens there");
  expect(reported).toEqual([]);
});
