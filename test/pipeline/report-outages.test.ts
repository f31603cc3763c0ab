import { expect, it } from "vitest";
import { reportOutages } from "../../src/pipeline/report-outages.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { captureLog } from "../support/log.ts";

it("an outage of the database is logged once when it begins, and once when it is over", async () => {
  const clock = fakeClock();
  const { log, lines } = captureLog();
  const stop = new AbortController();
  let trouble: { since: number; message: string } | undefined;
  const reporting = reportOutages({ queue: { trouble: () => trouble }, log, clock }, stop.signal);
  await clock.advance(5_000);
  expect(lines).toHaveLength(0);
  trouble = { since: clock.now(), message: "nothing listens there" };
  await clock.advance(60_000);
  trouble = undefined;
  await clock.advance(60_000);
  expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    "error Jobs cannot be kept just now; the bot waits",
    "info Jobs can be kept again; the bot goes on",
  ]);
  stop.abort();
  await reporting;
});
