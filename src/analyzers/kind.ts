import type { HostProcess } from "../children/run-directory.ts";
import type { Clock } from "../core/clock.ts";
import type { Proxies } from "../core/hosts/proxy.ts";
import type { Analyzer } from "./analyzer.ts";
import type { DocumentSource } from "./documents/documents.ts";
import { createHttpEndpoint, type EndedRequest, type HttpEndpoint } from "./http/http.ts";
import { namingHost } from "./http/naming-host.ts";
import type { PackagesParts } from "./packages.ts";
import type { Service } from "./service.ts";

/** What analyzers are given of the bot. */
export interface AnalyzerParts {
  readonly clock: Clock;
  /** Present where the bot reads packages itself. */
  readonly reading?: PackagesParts | undefined;
  /** The proxies that requests go through; absent: none. */
  readonly proxies?: Proxies | undefined;
  /** Told of every request of this analyzer's that ended. */
  readonly onRequest?: (request: EndedRequest) => void;
  /** Bills of materials, for analyzers that need them. */
  readonly documents: DocumentSource;
  /** The bot's process and state directory, for analyzers that start programs. */
  readonly host: HostProcess;
  readonly stateDirectory: string;
}

/** A kind of analyzer, as the table in `index.ts` lists it. */
export interface AnalyzerKind<Settings> {
  /** Whether it reads build logs. */
  readonly readsLogs: boolean;
  /** Whether it is given bills of materials. */
  readonly wantsDocuments?: boolean;
  readonly open: (settings: Settings, parts: AnalyzerParts) => OpenedAnalyzer;
}

export interface OpenedAnalyzer {
  readonly analyzer: Analyzer;
  readonly close?: () => void | Promise<void>;
}

/** Milliseconds that one request to a service may take, unless it asks for more. */
const requestTimeout = 120_000;

/** The connection to a service at a URL; its certificate is verified. */
export function openEndpoint(url: string, service: Service, { clock, proxies, onRequest }: AnalyzerParts): HttpEndpoint {
  return createHttpEndpoint({
    url,
    service,
    verifyTls: true,
    timeout: requestTimeout,
    clock,
    proxies,
    ...(onRequest && { onRequest }),
  });
}

/** An analyzer at the other end of a connection: its failures name the host, and closing it ends the connection. */
export function atEndpoint(analyzer: Analyzer, endpoint: HttpEndpoint): OpenedAnalyzer {
  return { analyzer: namingHost(analyzer, new URL(endpoint.name).host), close: endpoint.close };
}
