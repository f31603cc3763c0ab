import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { aRun, type RunObject } from "../support/runs.ts";
import { offer } from "./remote.ts";

/** Bytes of an object, as large as those of a busy namespace: most of it repeats the pipeline. */
const objectSize = 30_000;

const template = aRun("PipelineRun");
const filler = "x".repeat(objectSize - JSON.stringify(template).length);
let runs = 0;
let watch = Promise.withResolvers<ServerResponse>();

/** Answers like an API server that holds so many PipelineRuns, without holding them: a page is written object by object. */
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://cluster");
  const count = pathname.endsWith("/pipelineruns") ? runs : 0;
  if (!/\/(?:pipelineruns|taskruns)$/.test(pathname)) return void response.writeHead(404).end("{}");
  response.writeHead(200, { "content-type": "application/json" });
  if (searchParams.get("watch") === "true") {
    response.flushHeaders();
    if (pathname.endsWith("/pipelineruns")) watch.resolve(response);
    return;
  }
  const start = Number(searchParams.get("continue") ?? 0);
  const end = Math.min(start + Number(searchParams.get("limit") ?? count), count);
  response.write('{"kind":"List","apiVersion":"tekton.dev/v1","items":[');
  for (let number = start; number < end; number++)
    await written(response, `${number > start ? "," : ""}${JSON.stringify(aPipelineRun(number))}`);
  const more = end < count ? `,"continue":"${end}"` : "";
  response.end(`],"metadata":{"resourceVersion":"${count}"${more}}}`);
});

function aPipelineRun(number: number): RunObject {
  const digest = `sha256:${number.toString(16).padStart(64, "0")}`;
  const results = [
    { name: "IMAGE_URL", value: `quay.io/shop/app-${number % 500}:1` },
    { name: "IMAGE_DIGEST", value: digest },
  ];
  const metadata = { ...template.metadata, name: `run-${number}`, uid: `uid-${number}`, resourceVersion: String(number + 1) };
  return { ...template, metadata, spec: { ...template.spec, filler }, status: { ...template.status, results } };
}

async function written(response: ServerResponse, text: string): Promise<void> {
  if (!response.write(text)) await once(response, "drain");
}

const largeTekton = {
  async listen() {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  hold(count: number) {
    runs = count;
  },
  /** Resolves when a bot has taken the list in, and watches. */
  watched: async () => void (await watch.promise),
  /** Tells of a change of each run, and resolves when a bot has taken all of that in. */
  async changeAll() {
    const response = await watch.promise;
    watch = Promise.withResolvers();
    for (let number = 0; number < runs; number++)
      await written(response, `${JSON.stringify({ type: "MODIFIED", object: aPipelineRun(number) })}\n`);
    response.end();
    await watch.promise;
  },
};

export type LargeTekton = typeof largeTekton;

offer<LargeTekton>(largeTekton);
