import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allPools } from "../../src/queue/dispatching/pools.ts";
import { type Ledger, openLedger } from "../../src/queue/embedded/ledger/ledger.ts";
import type { Wanted } from "../../src/queue/embedded/ledger/wanted.ts";
import { temporaryDirectory } from "./embedded-storage.ts";
import { buildJob, nothing } from "./jobs.ts";

const now = 1_000_000;
const cycles = 40;

describe("the cost of a claim", () => {
  let root: string;
  let ledgers = 0;

  beforeEach(() => {
    root = temporaryDirectory();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Processor time of some claims and probes, while one namespace holds all it may and others have a job each. */
  function costWith(waiting: number): number {
    const ledger = openLedger({ directory: `${root}/${ledgers++}`, exclusive: true, synchronous: "normal" });
    ledger.connection.exec("BEGIN");
    for (let number = 0; number < waiting; number += 1)
      ledger.add(jobIn(number % 2 === 0 ? "flood" : `team-${number}`, number), number);
    const before = process.cpuUsage();
    for (let cycle = 0; cycle < cycles; cycle += 1) claimBoth(ledger);
    const { user, system } = process.cpuUsage(before);
    ledger.connection.exec("COMMIT");
    ledger.close();
    return user + system;
  }

  function claimBoth(ledger: Ledger): void {
    const wanted: Wanted = {
      analyzer: "thoth",
      room: allPools,
      kind: "jobs",
      limit: 1,
      perTenant: 1,
      running: new Map([["flood", 1]]),
    };
    for (const kind of ["jobs", "probe"] as const) {
      const [claim] = ledger.claim({ ...wanted, kind }, now);
      if (!claim) throw new Error("nothing was claimed");
      if (kind === "jobs") expect(claim.tenant).not.toBe("flood");
      ledger.settle(claim, { outcome: "done", result: nothing }, now);
    }
  }

  it("does not grow with the number of jobs and namespaces that wait", () => {
    costWith(200);
    const few = costWith(200);
    expect(costWith(8_000) / few).toBeLessThan(8);
  });
});

function jobIn(namespace: string, number: number) {
  const uid = `${namespace}-${number}`;
  return { ...buildJob(number), id: `build-${uid}`, build: { namespace, name: `app-${number}`, uid } };
}
