import type { Clock } from "../core/clock.ts";
import { failureAt, JobError } from "../core/errors.ts";
import type { Proxies } from "../core/proxy.ts";
import type { Analyzer } from "./analyzer.ts";
import { bounded } from "./bounded.ts";
import { createDryRunAnalyzer } from "./dry-run.ts";
import { createHttpEndpoint, type EndedRequest } from "./http.ts";
import { createPackagesAnalyzer, type PackagesParts } from "./packages.ts";
import { thothService } from "./service.ts";
import { createThothAnalyzer, thothUrl } from "./thoth.ts";

export interface AnalyzerSettings {
  readonly analysisHost: string | undefined;
  readonly noTlsVerify: boolean;
  readonly environmentType: "runtime" | "buildtime" | undefined;
  readonly debug: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Present where the bot reads packages itself. */
  readonly reading?: PackagesParts | undefined;
  readonly proxies?: Proxies | undefined;
}

/** The server pulls an image's manifest before it answers; two minutes are generous for that. */
const requestTimeout = 120_000;

/** The analyzer the settings ask for. A further one is a file beside this and a branch here. */
export function openAnalyzer(
  settings: AnalyzerSettings,
  clock: Clock,
  onRequest?: (request: EndedRequest) => void,
): { analyzer: Analyzer; close: () => void } {
  if (settings.reading) return { analyzer: bounded(createPackagesAnalyzer(settings.reading)), close: () => undefined };
  if (settings.dryRun || settings.analysisHost === undefined) return { analyzer: createDryRunAnalyzer(), close: () => undefined };
  const { analysisHost: host, noTlsVerify, environmentType, debug, force, proxies } = settings;
  const endpoint = createHttpEndpoint({
    url: thothUrl(host),
    service: thothService,
    verifyTls: !noTlsVerify,
    timeout: requestTimeout,
    clock,
    proxies,
    ...(onRequest && { onRequest }),
  });
  const thoth = createThothAnalyzer({ endpoint, environmentType, debug, force });
  return { analyzer: bounded(namingHost(thoth, new URL(endpoint.name).host)), close: endpoint.close };
}

/** The same analyzer, whose failures say at which host. */
function namingHost(analyzer: Analyzer, host: string): Analyzer {
  const named = (error: unknown) => {
    throw error instanceof JobError ? failureAt(error, host) : error;
  };
  const ask = analyzer.status?.bind(analyzer);
  return {
    ...analyzer,
    submit: (request, signal) => analyzer.submit(request, signal).catch(named),
    discover: (signal) => analyzer.discover(signal).catch(named),
    ...(ask && { status: (id: string, signal: AbortSignal) => ask(id, signal).catch(named) }),
  };
}
