import type { Clock } from "../core/clock.ts";
import type { Proxies } from "../core/proxy.ts";
import type { Analyzer } from "./analyzer.ts";
import type { EndedRequest } from "./http.ts";
import type { PackagesParts } from "./packages.ts";

/** The settings that analyzers read. */
export interface AnalyzerSettings {
  readonly analysisHost: string | undefined;
  readonly noTlsVerify: boolean;
  readonly environmentType: "runtime" | "buildtime" | undefined;
  readonly debug: boolean;
  readonly force: boolean;
}

/** What analyzers are given of the bot. */
export interface AnalyzerParts {
  readonly clock: Clock;
  /** Present where the bot reads packages itself. */
  readonly reading?: PackagesParts | undefined;
  /** The proxies that requests go through; absent: none. */
  readonly proxies?: Proxies | undefined;
  /** Told of every request of this analyzer's that ended. */
  readonly onRequest?: (request: EndedRequest) => void;
}

/** A kind of analyzer, as the table in `index.ts` lists it. */
export interface AnalyzerKind {
  /** Whether it has a use for build logs. */
  readonly readsLogs: boolean;
  open(settings: AnalyzerSettings, parts: AnalyzerParts): OpenedAnalyzer;
}

export interface OpenedAnalyzer {
  readonly analyzer: Analyzer;
  readonly close?: () => void | Promise<void>;
}
