import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { compiled } from "../../support/bot-process.ts";
import { aBuild } from "../../support/fixtures.ts";
import { startHttpServer } from "../../support/http-server.ts";
import { temporaryDirectory } from "../test-cluster.ts";

/** An API server with so many Builds and image streams of 1 MB each. */
async function startLargeCluster(
  builds: number,
  streams: number,
): Promise<{ readonly url: string; readonly limits: readonly number[] }> {
  const dockerfile = "RUN echo of a large inline Dockerfile\\n".repeat(27_600);
  const { metadata, spec, status } = aBuild({ namespace: "shop", name: "app-1" });
  const large = JSON.stringify({ metadata, spec: { ...spec, source: { dockerfile } }, status });
  const [before = "", after = ""] = large.split(JSON.stringify(metadata));
  const head = Buffer.from(before);
  const tail = Buffer.from(after);
  const limits: number[] = [];
  const server = await startHttpServer(async ({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://cluster");
    if (searchParams.has("watch")) return response.writeHead(200).flushHeaders();
    if (!searchParams.has("limit")) return response.writeHead(404).end();
    const all = pathname.endsWith("/builds") ? builds : streams;
    const limit = Number(searchParams.get("limit"));
    const from = Number(searchParams.get("continue") ?? 0);
    const until = Math.min(from + limit, all);
    limits.push(limit);
    response.write('{"kind":"List","items":[');
    for (let index = from; index < until; index++) {
      if (index > from) response.write(",");
      response.write(head);
      response.write(JSON.stringify({ ...metadata, name: `app-${index}`, uid: `app-${index}` }));
      const more = response.write(tail);
      if (!more) await new Promise((resolve) => response.once("drain", resolve));
    }
    const next = until < all ? `,"continue":"${until}"` : "";
    response.end(`],"metadata":{"resourceVersion":"7"${next}}}`);
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { url: server.url, limits };
}

interface Seen {
  readonly builds: number;
  readonly streams: number;
  /** The most memory that it took. */
  readonly mebibytes: number;
}

/** Lists so many Builds and image streams of 1 MB each in a process of its own; `limits` are those of its pages. */
export async function listLargeCluster(
  builds: number,
  streams: number,
): Promise<{ readonly seen: Seen; readonly limits: readonly number[] }> {
  const { url, limits } = await startLargeCluster(builds, streams);
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "token"), "t");
  const child = "test/cluster/watching/list-child.ts";
  const env = { ...process.env, NODE_COMPILE_CACHE: compiled };
  // As Node bounds its heap in a pod of 256 MiB.
  const heap = "--max-old-space-size=128";
  const { stdout } = await promisify(execFile)(process.execPath, [heap, child, url, directory], { env });
  return { seen: JSON.parse(stdout), limits };
}
