import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Analyzer } from "../../src/analyzers/analyzer.ts";
import { createDependencyTrackAnalyzer } from "../../src/analyzers/dependency-track.ts";
import { createHarborScannerAnalyzer, harborScannerService } from "../../src/analyzers/harbor-scanner.ts";
import { fileLogin } from "../../src/analyzers/http/login.ts";
import { dependencyTrackService } from "../../src/analyzers/results/dependency-track-metrics.ts";
import { createRhacsAnalyzer, rhacsService } from "../../src/analyzers/rhacs.ts";
import { createTrustifyAnalyzer, trustifyService } from "../../src/analyzers/trustify.ts";
import { systemClock } from "../../src/core/clock.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { documentsOf, endpointAt, failureOf, never, request, secretFile } from "../support/analyzers.ts";

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

const login = () => fileLogin(secretFile("TOPSECRET"), "SETTING", (key) => ({ "x-api-key": key }));
const project = { name: "{repository}", version: "{tag}", tags: [] };
const analyzers: Readonly<Record<string, (url: string) => Analyzer>> = {
  rhacs: (url) => createRhacsAnalyzer({ endpoint: endpointAt(url, rhacsService), login: login(), policies: true }),
  "dependency-track": (url) =>
    createDependencyTrackAnalyzer({
      endpoint: endpointAt(url, dependencyTrackService),
      login: login(),
      documents: documentsOf(),
      project,
    }),
  trustify: (url) => createTrustifyAnalyzer({ endpoint: endpointAt(url, trustifyService), documents: documentsOf() }),
  "harbor-scanner": (url) => createHarborScannerAnalyzer({ endpoint: endpointAt(url, harborScannerService), clock: systemClock }),
};

const json = (body: string | Buffer, type = "application/json"): Answer => {
  return (response) => void response.writeHead(200, { "content-type": type }).end(body);
};
const megabytes = (count: number) => JSON.stringify({ error: "x".repeat(count * 1024 * 1024) });

const answers: Readonly<Record<string, Answer>> = {
  "8 MiB of JSON": json(megabytes(8)),
  "more than 16 MiB": json(megabytes(17)),
  "bytes that are no text": json(Buffer.from([0xff, 0xfe, 0x00, 0x01, 0x80])),
  nothing: json(""),
  null: json("null"),
  "a list": json("[1,2,3]"),
  "a text": json('"fine"'),
  "an object of lists": json('{"token":[],"id":{},"scan":[],"scanner":[],"capabilities":{},"notes":{},"application":1}'),
  "JSON that is deep": json(`${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}`),
  "a web page": json("<!doctype html><html><title>Log in</title></html>", "text/html"),
  "a web page called JSON": json("<html></html>"),
  "JSON that breaks off": (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 });
    response.write('{"token":', () => response.destroy());
  },
  "a closed connection": (response) => void response.destroy(),
  "500 with 8 MiB": (response) => void response.writeHead(500, { "content-type": "application/json" }).end(megabytes(8)),
};

describe.each(Object.entries(analyzers))("%s, where something else answers", (name, open) => {
  it.each(Object.entries(answers))("takes %s for no result, in few words", async (_, answer) => {
    const analyzer = open(await answering(answer));
    for (const ask of [() => analyzer.submit(request, never), () => analyzer.discover(never)]) {
      const outcome = await ask().catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome).toBeInstanceOf(JobError);
        expect(outcome.message.length).toBeLessThan(1_500);
      } else if (outcome !== undefined) expect(outcome).toMatchObject({ findings: { coverage: "unknown" } });
    }
  });

  it("asks no longer than it may", async () => {
    const analyzer = open(await answering(() => {}));
    const ended = failureOf(analyzer.submit(request, AbortSignal.timeout(300)));
    expect((await ended).message).not.toBe("");
    expect(name).not.toBe("");
  });
});
