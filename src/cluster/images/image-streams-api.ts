import type { Api } from "../api/api.ts";
import { imageStreams, listPath, objectPath } from "../api/paths.ts";
import { type Patience, retrying } from "../api/retrying.ts";
import { listPages } from "../watching/pages.ts";
import type { ImageStream } from "./image-streams.ts";
import type { RegistryHosts } from "./registry-hosts.ts";

/** Reads image streams, and remembers the registry hosts they name. Failures are `ApiError`s. */
export interface ImageStreams {
  get(namespace: string, name: string, signal: AbortSignal): Promise<ImageStream>;
  /** One of a namespace, if it has any. */
  any(namespace: string, signal: AbortSignal): Promise<ImageStream | undefined>;
  /** What `read` keeps of all streams of a namespace or the cluster, in pages. Temporary failures are retried. */
  list<T>(namespace: string | undefined, read: (stream: ImageStream) => Promise<T>, signal: AbortSignal): AsyncIterable<T>;
}

export interface ImageStreamsSettings {
  readonly api: Api;
  readonly hosts: RegistryHosts;
  readonly pageSize: number;
  readonly patience: Patience;
}

/** Bytes of a page. What is kept of a stream can be several times as large as it was sent. */
const mostBytes = 16 * 1024 * 1024;

export function createImageStreams({ api, hosts, pageSize, patience }: ImageStreamsSettings): ImageStreams {
  function learn(object: unknown): ImageStream {
    const stream: ImageStream = typeof object === "object" && object !== null ? object : {};
    hosts.learn(stream);
    return stream;
  }
  const listing = { api, query: {}, silence: api.patience };

  return {
    async get(namespace, name, signal) {
      return learn(await api.getJson(objectPath(imageStreams, namespace, name), {}, signal));
    },
    async any(namespace, signal) {
      const path = listPath(imageStreams, namespace);
      for await (const page of listPages({ ...listing, path, pageSize: 1, read: learn }, signal)) return page.items[0];
      return undefined;
    },
    async *list(namespace, read, signal) {
      const path = listPath(imageStreams, namespace);
      const keep = (object: unknown) => read(learn(object));
      const attempt = <R>(readPage: () => Promise<R>) => retrying(patience, signal, readPage);
      for await (const page of listPages({ ...listing, path, pageSize, read: keep, attempt, mostBytes }, signal))
        yield* page.items;
    },
  };
}
