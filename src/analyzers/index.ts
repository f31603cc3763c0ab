import type { Clock } from "../core/clock.ts";
import type { Analyzer } from "./analyzer.ts";
import { createDryRunAnalyzer } from "./dry-run.ts";
import { createHttpEndpoint, type EndedRequest } from "./http.ts";
import { thothService } from "./service.ts";
import { createThothAnalyzer, thothUrl } from "./thoth.ts";

export interface AnalyzerSettings {
  readonly analysisHost: string | undefined;
  readonly noTlsVerify: boolean;
  readonly environmentType: "runtime" | "buildtime" | undefined;
  readonly debug: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** The server pulls an image's manifest before it answers; two minutes are generous for that. */
const requestTimeout = 120_000;

/** The analyzer the settings ask for. A further one is a file beside this and a branch here. */
export function openAnalyzer(
  settings: AnalyzerSettings,
  clock: Clock,
  onRequest?: (request: EndedRequest) => void,
): { analyzer: Analyzer; close: () => void } {
  if (settings.dryRun || settings.analysisHost === undefined) return { analyzer: createDryRunAnalyzer(), close: () => undefined };
  const { analysisHost: host, noTlsVerify, environmentType, debug, force } = settings;
  const endpoint = createHttpEndpoint({
    url: thothUrl(host),
    service: thothService,
    verifyTls: !noTlsVerify,
    timeout: requestTimeout,
    clock,
    ...(onRequest && { onRequest }),
  });
  return { analyzer: createThothAnalyzer({ endpoint, environmentType, debug, force }), close: endpoint.close };
}
