import type { Api } from "../api/api.ts";
import { imageStreams, listPath, objectPath } from "../api/paths.ts";
import { type Patience, retrying } from "../api/retrying.ts";
import { listPages } from "../watching/pages.ts";
import type { ImageStream } from "./image-streams.ts";
import type { RegistryHosts } from "./registry-hosts.ts";

/** Reads image streams, and takes note of the registry hosts they name. Failures are `ApiError`s. */
export interface ImageStreams {
  get(namespace: string, name: string, signal: AbortSignal): Promise<ImageStream>;
  /** One of a namespace, if it has any. */
  any(namespace: string, signal: AbortSignal): Promise<ImageStream | undefined>;
  /** All of a namespace, or of the cluster, page by page; what passes is waited for. */
  list(namespace: string | undefined, signal: AbortSignal): AsyncIterable<ImageStream>;
}

export interface ImageStreamsSettings {
  readonly api: Api;
  readonly hosts: RegistryHosts;
  readonly pageSize: number;
  readonly patience: Patience;
}

export function createImageStreams({ api, hosts, pageSize, patience }: ImageStreamsSettings): ImageStreams {
  const patient: Api = {
    ...api,
    getJson: (path, query, signal) => retrying(patience, signal, () => api.getJson(path, query, signal)),
  };
  return {
    async get(namespace, name, signal) {
      const answer = await api.getJson(objectPath(imageStreams, namespace, name), {}, signal);
      const stream: ImageStream = typeof answer === "object" && answer !== null ? answer : {};
      hosts.learn(stream);
      return stream;
    },
    async any(namespace, signal) {
      for await (const page of listPages<ImageStream>(api, listPath(imageStreams, namespace), {}, 1, signal)) {
        for (const stream of page.items) hosts.learn(stream);
        return page.items[0];
      }
      return undefined;
    },
    async *list(namespace, signal) {
      for await (const page of listPages<ImageStream>(patient, listPath(imageStreams, namespace), {}, pageSize, signal)) {
        for (const stream of page.items) hosts.learn(stream);
        yield* page.items;
      }
    },
  };
}
