// Loaded into every process of a test run by TEST_JITTER=<milliseconds>: what runs at the same time comes in another order each time, as on a
// busy machine. A test that fails only then depends on that order.
import http from "node:http";
import https from "node:https";
import { MessageChannel } from "node:worker_threads";

const longest = Number(process.env.TEST_JITTER);
const { setTimeout, setInterval } = globalThis;
const share = 0.5;
const asleep = new Int32Array(new SharedArrayBuffer(4));
const { port1, port2 } = new MessageChannel();
port2.on("message", () => {}).unref();
let delayed = 0;

for (const { prototype } of [http.Server, https.Server]) {
  const { emit } = prototype;
  prototype.emit = function (name, ...args) {
    if (name !== "request" || Math.random() > share) return emit.call(this, name, ...args);
    delayed++;
    setTimeout(() => {
      delayed--;
      emit.call(this, name, ...args);
    }, Math.random() * longest);
    return true;
  };
}

// A test's clock moves on when this process has nothing to do: it has while a request is delayed.
setInterval(() => {
  if (delayed > 0) port1.postMessage(0);
}, 1).unref();

/** Nothing runs for a while, as when others have the processor. */
function sleep() {
  Atomics.wait(asleep, 0, 0, Math.random() * longest);
  setTimeout(sleep, Math.random() * 10 * longest).unref();
}
sleep();
