import type { RequestOptions } from "node:https";

/** A cluster and the way to authenticate there. */
export interface ClusterContext {
  /** The API server's URL. */
  readonly server: string;
  readonly namespace: string | undefined;
  readonly proxyUrl: string | undefined;
  /** Adds headers and TLS material to a request's options. */
  authenticate(options: RequestOptions): Promise<void>;
}

/** The URL a server is given by; a bare host means https, as it does for the analysis endpoint. */
export function serverUrl(text: unknown): string | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  const url = /^https?:\/\//i.test(text) ? text : `https://${text}`;
  return URL.canParse(url) ? url : undefined;
}

/** Whether certificates are not verified, or there are none. */
export function skipsTls(server: string, verifyTls: boolean): boolean {
  return !verifyTls || new URL(server).protocol === "http:";
}
