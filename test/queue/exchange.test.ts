import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Database, DatabaseError } from "../../src/postgres/index.ts";
import { openGate } from "../../src/queue/dispatching/gate.ts";
import { createConnection } from "../../src/queue/postgres/connection.ts";
import { createExchange, type Ending } from "../../src/queue/postgres/exchange.ts";
import type { Membership } from "../../src/queue/postgres/membership.ts";

interface Statement {
  readonly added: readonly { readonly id: string }[];
  readonly ended: readonly Ending[];
  readonly wanted: { readonly token: string; readonly isRepeated: boolean } | null;
}

/** A database that answers as the test says, and an exchange with it. */
function exchangeWith(answer: (statement: Statement, number: number) => object) {
  const statements: Statement[] = [];
  const looks: Promise<unknown>[] = [];
  const run = async (_text: string, values: readonly unknown[] = []) => {
    const [added, ended, wanted] = values.slice(2).map((value) => JSON.parse(String(value)));
    const statement = { added, ended, wanted };
    statements.push(statement);
    return [
      { answer: { added: added.map(() => true), ended: [], taken: wanted && [], ...answer(statement, statements.length) } },
    ];
  };
  const membership = { id: "self", isHeard: () => true } as Membership;
  const settings = { queue: "submit", now: () => null, membership, changed: () => void looks.push(exchange.take(places)) };
  const connection = createConnection({ name: "db", run } as unknown as Database, systemClock);
  const exchange = createExchange(connection, settings, new AbortController().signal);
  return { statements, looks, ...exchange };
}

const outage = () => new DatabaseError("away", "outage");
const places = () => ({ workers: 1, rooms: [[0, 1] as const], running: [] });
const ending = (number: number): Ending => ({ number, token: `t:${number}`, analyzer: "thoth", outcome: "done" });

function fails(error: Error): never {
  throw error;
}

describe("an exchange with the database", () => {
  it("sends in one statement what came up while the last one ran", async () => {
    const { statements, add, end, take } = exchangeWith(({ ended }) => ({ ended: ended.map(({ number }) => ({ job: number })) }));
    const first = add({ id: "a" });
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [add({ id: "b" }), end(() => ending(1)), end(() => ending(2)), take(places)];
    expect(await Promise.all([first, ...rest])).toEqual([true, true, { job: 1 }, { job: 2 }, []]);
    expect(statements.map(({ added, ended, wanted }) => [added.length, ended.length, wanted !== null])).toEqual([
      [1, 0, false],
      [1, 2, true],
    ]);
  });

  it("rejects only what the database refuses, and not the rest of the statement", async () => {
    const refused = new DatabaseError("odd", "statement");
    const { add, end } = exchangeWith(({ added, ended }) =>
      added.some(({ id }) => id === "odd") ? fails(refused) : { ended: ended.map(() => null) },
    );
    const all = await Promise.allSettled([add({ id: "a" }), add({ id: "odd" }), end(() => ending(1)), add({ id: "b" })]);
    expect(all.map((one) => (one.status === "fulfilled" ? one.value : one.reason))).toEqual([true, refused, null, true]);
  });

  it("repeats what an outage stopped, lets no request for jobs wait, and puts back jobs whose answer was lost", async () => {
    const { statements, add, take, looks } = exchangeWith((_statement, number) => (number === 1 ? fails(outage()) : {}));
    const added = add({ id: "a" });
    expect(await take(places)).toBeUndefined();
    expect(await take(places)).toBeUndefined();
    expect(await added).toBe(true);
    expect(await Promise.all(looks)).toEqual([[]]);
    const [first, second, third] = statements.map(({ wanted }) => wanted);
    expect([first?.isRepeated, second]).toEqual([false, null]);
    expect(third).toMatchObject({ token: first?.token, isRepeated: true });
  });

  it("takes nothing while a gate may be about to shut, but looks again at once", async () => {
    const { statements, end, take, looks } = exchangeWith(() => ({ ended: [{ gate: openGate, now: 1 }] }));
    const { outcome, ...asking } = ending(1);
    expect(await Promise.all([end(() => asking), take(places)])).toEqual([{ gate: openGate, now: 1 }, undefined]);
    expect(statements[0]?.wanted).toBeNull();
    expect(await Promise.all(looks)).toEqual([[]]);
  });
});
