import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { startHttpServer } from "./http-server.ts";
import { digestOf } from "./registry-images.ts";
import type { RegistryServer } from "./registry-server.ts";

interface Listed {
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
}

/** A real registry behind a server that adds the referrers API of OCI distribution 1.1, which it does not have itself. */
export async function startReferrersRegistry(
  registry: RegistryServer,
): Promise<AsyncDisposable & { readonly host: string; readonly listed: ReadonlyMap<string, readonly Listed[]> }> {
  const listed = new Map<string, Listed[]>();
  const server = await startHttpServer(async (incoming, response) => {
    const url = new URL(incoming.url ?? "/", "http://registry");
    const image = /\/referrers\/(sha256:[0-9a-f]{64})$/.exec(url.pathname)?.[1];
    if (image !== undefined) return list(listed.get(image) ?? [], url.searchParams.get("artifactType"), response);
    const body = await buffer(incoming);
    const subject = incoming.method === "PUT" && url.pathname.includes("/manifests/") ? subjectOf(body) : undefined;
    if (subject) {
      const { artifactType } = JSON.parse(body.toString());
      listed.set(subject, [...(listed.get(subject) ?? []), { digest: digestOf(body), size: body.length, artifactType }]);
    }
    forward(registry.url, incoming, body, response, subject ? { "oci-subject": subject } : {});
  });
  return {
    ...server,
    listed,
  };
}

function subjectOf(manifest: Buffer): string | undefined {
  return JSON.parse(manifest.toString()).subject?.digest;
}

function list(referrers: readonly Listed[], type: string | null, response: ServerResponse): void {
  const manifests = referrers.filter(({ artifactType }) => type === null || artifactType === type);
  const headers = { "Content-Type": "application/vnd.oci.image.index.v1+json", "OCI-Filters-Applied": "artifactType" };
  response.writeHead(200, headers).end(JSON.stringify({ schemaVersion: 2, manifests }));
}

/** The registry sees the host that was asked, so that the addresses it answers lead back here. */
function forward(
  upstream: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
  more: Readonly<Record<string, string>>,
): void {
  const sent = { ...headers, "content-length": String(body.length) };
  const outgoing = request(`${upstream}${url}`, { method, headers: sent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...more });
    answer.pipe(response);
  });
  outgoing.on("error", () => response.destroy());
  outgoing.end(body);
}
