import { onTestFinished } from "vitest";
import { createOpenShiftApi, type OpenShiftApi, type OpenShiftApiOptions } from "../../src/demo/openshift-api.ts";
import type { RecordedList } from "./fixtures.ts";
import { openWatch, type WatchStream } from "./watch-stream.ts";

export const buildGroup = "/apis/build.openshift.io/v1";
export const shopBuilds = `${buildGroup}/namespaces/shop/builds`;

/** An emulated cluster for one test, and a client that asks it plainly. */
export interface TestCluster {
  readonly api: OpenShiftApi;
  ask(path: string, init?: RequestInit): Promise<Response>;
  list(path: string): Promise<RecordedList<unknown>>;
  /** The names of what a list holds. */
  names(path: string): Promise<string[]>;
  /** A watch of a path from now on. */
  watchFromNow(path: string, query?: string): Promise<WatchStream>;
}

/** Starts a cluster that is closed when the test ends. */
export async function startCluster(options: OpenShiftApiOptions = {}): Promise<TestCluster> {
  const api = createOpenShiftApi(options);
  await api.listen();
  onTestFinished(() => api.close());
  const ask = (path: string, init?: RequestInit) => fetch(`${api.url}${path}`, init);
  const list = async (path: string) => (await (await ask(path)).json()) as RecordedList<unknown>;
  return {
    api,
    ask,
    list,
    names: async (path) => (await list(path)).items.map(({ metadata }) => metadata.name),
    async watchFromNow(path, query = "") {
      const { metadata } = await list(path);
      return openWatch(`${api.url}${path}?watch=true&resourceVersion=${metadata.resourceVersion}${query}`);
    },
  };
}

/** An event in short: `ADDED app-1`. */
export function shortly(event: Awaited<ReturnType<WatchStream["next"]>>): string | undefined {
  return event && `${event.type} ${(event.object.metadata as { name?: string }).name}`;
}
