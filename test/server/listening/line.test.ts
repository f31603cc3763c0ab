import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createLine } from "../../../src/server/listening/line.ts";
import { openListener } from "../../../src/server/listening/listener.ts";

function busyFor(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

it("does tasks in order, and lets other work run in between", async () => {
  const line = createLine(10);
  const done: number[] = [];
  let turns = 0;
  const turn = () => {
    turns += 1;
    if (done.length < 100) setImmediate(turn);
  };
  setImmediate(turn);
  for (let number = 0; number < 100; number += 1) {
    line.add(() => {
      busyFor(2);
      done.push(number);
    });
  }
  expect(done).toEqual([]);
  await expect.poll(() => done.length).toBe(100);
  expect(done).toEqual(Array.from({ length: 100 }, (_, number) => number));
  expect(turns).toBeGreaterThanOrEqual(20);
});

it("does at least one task each turn, and also those that a task adds", async () => {
  const line = createLine(1);
  const done: string[] = [];
  const add = (name: string, further?: string) =>
    line.add(() => {
      busyFor(5);
      done.push(name);
      if (further) add(further);
    });
  add("a", "c");
  add("b");
  await expect.poll(() => done).toEqual(["a", "b", "c"]);
});

it("answers a hundred requests that come at once a few at a time", async () => {
  let turn = 0;
  let answered: number[] = [];
  await using listener = await openListener(
    (_request, response) => {
      busyFor(2);
      answered.push(turn);
      response.end();
    },
    { host: "127.0.0.1", port: 0 },
    "--port (PORT)",
  );
  const { hostname, port } = new URL(listener.url);
  const sockets = Array.from({ length: 100 }, () => connect({ host: hostname, port: Number(port) }).resume());
  const ask = async () => {
    answered = [];
    for (const socket of sockets) socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await expect.poll(() => answered.length).toBe(100);
  };
  const count = () => {
    turn += 1;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  onTestFinished(() => {
    clearImmediate(immediate);
    for (const socket of sockets) socket.destroy();
  });
  // Connections are accepted one a turn; those that are there already can all ask in the same one.
  await ask();
  await ask();
  const inOneTurn = [...Map.groupBy(answered, (at) => at).values()].map(({ length }) => length);
  expect(Math.max(...inOneTurn)).toBeLessThanOrEqual(6);
});

it("closes a connection that sends request after request without waiting, before it holds up others", async () => {
  let answered = 0;
  await using listener = await openListener(
    (_request, response) => {
      answered += 1;
      response.end();
    },
    { host: "127.0.0.1", port: 0 },
    "--port (PORT)",
  );
  const { hostname, port } = new URL(listener.url);
  const socket = connect({ host: hostname, port: Number(port) }).resume();
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20_000));
  await new Promise((resolve) => socket.once("close", resolve));
  expect(answered).toBeLessThan(100);
  expect((await fetch(listener.url)).status).toBe(200);
});
