import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { AnalysisRequest, Analyzer } from "../../src/analyzers/analyzer.ts";
import { openAnalyzers } from "../../src/analyzers/index.ts";
import { addressOption } from "../../src/config/analyzer-address.ts";
import { loadConfig } from "../../src/config/load.ts";
import { optionEntries, options } from "../../src/config/options.ts";
import { systemClock } from "../../src/core/clock.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { documentsOf, failureOf, never, request, secretFile } from "../support/analyzers.ts";

type Answer = (response: ServerResponse) => void;

async function answering(answer: Answer): Promise<string> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.on("error", () => {});
    incoming.on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const names = (options.analyzers.choices ?? []).filter((name) => addressOption(name)[0] !== "commandsFile");
/** Thoth's endpoint has attacks of its own. */
const services = names.filter((name) => name !== "thoth");

/** An analyzer as the bot opens it, with a secret in every file that could hold one. */
function open(name: string, url: string): Analyzer {
  const files = optionEntries.filter(([, { group, placeholder }]) => group === "Analysis services" && placeholder === "<file>");
  const secret = secretFile("TOPSECRET");
  const own = Object.fromEntries([...files.map(([file]) => [file, secret]), [addressOption(name)[0], url]]);
  const { config } = loadConfig({ flags: {}, environment: {} });
  const parts = { clock: systemClock, documents: documentsOf(), host: process, stateDirectory: "" };
  const opened = openAnalyzers({ ...config, rhacsPolicies: true, ...own, analyzers: [name] }, parts);
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return opened.analyzers[0] as Analyzer;
}

/** An image of the registry that the service is, where it is one. */
function imageAt(url: string): AnalysisRequest {
  const { output } = request;
  return { ...request, output: { ...output, reference: { ...output.reference, registry: new URL(url).host } } };
}

const json = (body: string | Buffer, type = "application/json"): Answer => {
  return (response) => void response.writeHead(200, { "content-type": type }).end(body);
};
const megabytes = (count: number) => Buffer.from(`{"error":"${"x".repeat(count * 1024 * 1024)}"}`);
const eight = megabytes(8);

const answers: Readonly<Record<string, Answer>> = {
  "8 MiB of JSON": json(eight),
  "more than 16 MiB": json(megabytes(17)),
  "bytes that are no text": json(Buffer.from([0xff, 0xfe, 0x00, 0x01, 0x80])),
  nothing: json(""),
  null: json("null"),
  "a list": json("[1,2,3]"),
  "a text": json('"fine"'),
  "an object of lists": json('{"token":[],"id":{},"scan":[],"scanner":[],"capabilities":{},"notes":{},"application":1}'),
  "JSON that is deep": json(`${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`),
  "millions of values": json(`[${"{},".repeat(1_000_000)}{}]`),
  "a web page": json("<!doctype html><html><title>Log in</title></html>", "text/html"),
  "a web page called JSON": json("<html></html>"),
  "JSON that breaks off": (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 });
    response.write('{"token":', () => response.destroy());
  },
  "a closed connection": (response) => void response.destroy(),
  "500 with millions of values": (response) =>
    void response.writeHead(500, { "content-type": "application/json" }).end(`[${"{},".repeat(1_000_000)}{}]`),
  "500 with 8 MiB": (response) => void response.writeHead(500, { "content-type": "application/json" }).end(eight),
};

it("other work runs while an answer of megabytes is read", async () => {
  const many = Array.from({ length: 60_000 }, (_, at) => `{"status":[{"status":"affected","vulnerability_id":"CVE-${at}"}]}`);
  const url = await answering(json(`[${many.join(",")}]`));
  const analyzer = open("trustify", url);
  const parse = vi.spyOn(JSON, "parse");
  const status = await analyzer.status?.("urn:1", never);
  const longest = Math.max(...parse.mock.calls.map(([text]) => text.length));
  parse.mockRestore();
  expect(status).toMatchObject({ state: "succeeded", findings: { severities: { unknown: 60_000 } } });
  expect(longest).toBeLessThan(64 * 1024);
});

const odd = { toString: 1, valueOf: 1 };

it.each([
  ["trustify", "urn:1", [{ status: [{ status: "affected", vulnerability_id: odd, average_severity: odd }] }]],
  [
    "quay",
    `shop/app@sha256:${"a".repeat(64)}`,
    { status: "scanned", data: { Layer: { Features: [{ Vulnerabilities: [{ Name: odd, Severity: odd }] }] } } },
  ],
])("a name of an odd kind in the findings of %s is an unknown vulnerability", async (name, id, findings) => {
  const status = await open(name, await answering(json(JSON.stringify(findings)))).status?.(id, never);
  expect(status).toMatchObject({ findings: { severities: { unknown: 1 } } });
});

describe.each(services)("%s, where something else answers", (name) => {
  it.each(Object.entries(answers))("takes %s for no result, in few words", async (_, answer) => {
    const url = await answering(answer);
    const analyzer = open(name, url);
    for (const ask of [() => analyzer.submit(imageAt(url), never), () => analyzer.discover(never)]) {
      const outcome = await ask().catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(JobError);
        expect(outcome.message.length).toBeLessThan(1_500);
      } else if (outcome !== undefined) expect(outcome).toMatchObject({ findings: { coverage: "unknown" } });
    }
  });

  it("asks no longer than it may", async () => {
    const url = await answering(() => {});
    const ended = failureOf(open(name, url).submit(imageAt(url), AbortSignal.timeout(300)));
    expect((await ended).message).not.toBe("");
  });
});
