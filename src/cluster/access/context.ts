import type { RequestOptions } from "node:https";

/** Where to look for the cluster's credentials. */
export interface KubeconfigSource {
  /** KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Replaces the server of the kubeconfig or the pod. */
  readonly url?: string | undefined;
  readonly verifyTls: boolean;
  /** Where a pod finds its token, CA and namespace. */
  readonly serviceAccountDirectory: string;
}

/** A cluster and the way to authenticate there. */
export interface ClusterContext {
  /** The API server's URL. */
  readonly server: string;
  readonly namespace: string | undefined;
  readonly proxyUrl: string | undefined;
  /** Adds headers and TLS material to a request's options. */
  authenticate(options: RequestOptions): Promise<void>;
}

/** A server's URL; a bare host means https, as for the analysis endpoint. */
export function serverUrl(text: unknown): string | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  const url = /^https?:\/\//i.test(text) ? text : `https://${text}`;
  return URL.canParse(url) ? url : undefined;
}

/** Whether certificates are not verified, or there are none. */
export function skipsTls(server: string, verifyTls: boolean): boolean {
  return !verifyTls || new URL(server).protocol === "http:";
}
