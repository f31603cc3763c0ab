import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { World } from "./bot.ts";
import type { BotProcess } from "./bot-process.ts";
import { aBuild, digestOf } from "./fixtures.ts";

export const attacker = "mallory";

/** A registry of the attacker's, by whose answers alone the bot is to be kept busy. */
export interface HostileRegistry extends AsyncDisposable {
  readonly host: string;
  readonly asked: () => number;
}

const long = "a".repeat(120_000);

/** Long errors of the characters that patterns like least, challenges of quotes, broken manifests, and pages. */
const answers: readonly (readonly [status: number, headers: Record<string, string>, body: string])[] = [
  [400, {}, JSON.stringify({ errors: [{ code: "UNKNOWN", message: long }] })],
  [403, {}, JSON.stringify({ errors: [{ code: "DENIED", message: "://".repeat(40_000) }] })],
  [500, {}, JSON.stringify({ errors: [{ code: "\u001b[2J\nfake", message: '\u001b]0;x\u0007\n{"level":"fatal"}\u202e' }] })],
  [401, { "www-authenticate": `Bearer realm="${"x".repeat(6_000)},${'"'.repeat(2_000)}` }, ""],
  [200, { "content-type": "application/vnd.oci.image.manifest.v1+json" }, `{"layers":[${"null,".repeat(200_000)}null]}`],
  [200, { "content-type": "text/html" }, "<html>".repeat(100_000)],
  [404, {}, `{"errors":${"[".repeat(50_000)}`],
];

export async function startHostileRegistry(): Promise<HostileRegistry> {
  let asked = 0;
  const server = createServer((_request, response) => {
    const [status, headers, body] = answers[asked++ % answers.length] ?? [500, {}, ""];
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const controls = '\u001b[31m\u0007\n{"level":"fatal"}\u0085\u009b2J\u2028\u202e';

/** One of the attacker's builds, each kind in turn: names and texts without measure, controls, names that lead elsewhere, his registry. */
export function attackingBuild(number: number, { host }: Pick<HostileRegistry, "host">): object {
  const name = `evil-${number}`;
  const digest = digestOf(name);
  const usual = { name: `${name}-1`, namespace: attacker, buildConfig: name, base: null };
  const kinds: readonly (() => object)[] = [
    () => aBuild({ ...usual, digest, outputReference: `${host}/evil/${name}:1` }),
    () =>
      aBuild({
        ...usual,
        digest,
        outputReference: `${host}/evil/${name}:1`,
        origin: `https://u:S3CRET@git.example.com/${"g".repeat(500_000)}`,
      }),
    () => aBuild({ ...usual, digest, outputReference: `${"r.".repeat(200_000)}example/x/y:1` }),
    () => aBuild({ ...usual, digest, outputReference: `${host}/evil/${name}:1`, commit: `${controls}${"c".repeat(100_000)}` }),
    () =>
      aBuild({
        ...usual,
        digest,
        outputReference: `${host}/evil/${name}:1`,
        origin: " https://u:S3CRET@git.example.com/a?private_token=S3CRET",
      }),
    () => aBuild({ ...usual, digest, outputReference: null, output: { kind: "ImageStreamTag", namespace: "..", name: "x:1" } }),
    () => aBuild({ ...usual, digest, outputReference: `${host}/evil/${name}:1`, labels: { a: "l".repeat(100_000) } }),
  ];
  return (kinds[number % kinds.length] as () => object)();
}

/** Lets the endpoint answer whatever is the attacker's with long errors. */
export function spoilAnswers({ analysis }: World, isAttackers: (image: string) => boolean): void {
  analysis.faults((_, { query, body }) => {
    const image = String((body as { output_image?: string } | undefined)?.output_image ?? query.image ?? "");
    return isAttackers(image) ? { status: 400, body: { error: "a".repeat(60_000) } } : undefined;
  });
}

/** Holds connections of one address: event streams, half headers, half bodies. Answers what lets them go. */
export function crowd(url: string, each: number, localAddress = "127.0.0.3"): () => void {
  const { hostname, port } = new URL(url);
  const begun = [
    `GET /events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: ${hostname}`,
    `POST /webhooks/cloudevents HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/cloudevents+json\r\nwebhook-id: x\r\nwebhook-timestamp: ${Math.floor(Date.now() / 1000)}\r\nwebhook-signature: v1,x\r\nContent-Length: 1000000\r\n\r\n{`,
  ];
  const sockets = begun.flatMap((text) =>
    Array.from({ length: each }, () => {
      const socket = connect({ host: hostname, port: Number(port), localAddress });
      socket.on("error", () => undefined).resume();
      socket.write(text);
      return socket;
    }),
  );
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

/** Asks for what takes long, several times at once. */
export async function searchHard(url: string): Promise<void> {
  const paths = ["/?text=e+e+e+~", "/api/jobs?limit=500&text=evil+~", "/api/jobs?limit=500", "/api/tracked", "/"];
  await Promise.all(paths.map(async (path) => void (await (await fetch(`${url}${path}`)).text())));
}

/**
 * Flags of Node that make a bot measure how long, in processor time of its own thread, it keeps everything else waiting; however busy the machine
 * is, that says what the bot does. It writes a line for whatever is longer than before, and begins anew with SIGUSR2.
 */
export const measuringBlocks: readonly string[] = [
  "--import",
  `data:text/javascript,${encodeURIComponent(`
    let most = 0, last = process.threadCpuUsage();
    process.on("SIGUSR2", () => { most = 0; last = process.threadCpuUsage(); });
    setInterval(() => {
      const now = process.threadCpuUsage(last);
      last = process.threadCpuUsage();
      const taken = (now.user + now.system) / 1000;
      if (taken > most) process.stderr.write("blocked " + (most = taken) + "\\n");
    }, 5).unref();
  `)}`,
];

/** Milliseconds of the longest block so far, from some place of the output on. */
export function longestBlock({ stderr }: BotProcess, from = 0): number {
  const found = [
    ...stderr()
      .slice(from)
      .matchAll(/^blocked ([\d.]+)$/gm),
  ].map(([, taken]) => Number(taken));
  return Math.max(0, ...found);
}
