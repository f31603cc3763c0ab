import type { Analyzer } from "../../analyzers/analyzer.ts";
import { createDocuments } from "../../analyzers/documents/documents.ts";
import { openAnalyzers } from "../../analyzers/index.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import { addressOption } from "../../config/analyzer-address.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import { systemClock } from "../../core/clock.ts";
import { readProxies } from "../../core/hosts/proxy.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import { checkStateDirectory } from "../../queue/index.ts";
import { type Finding, finding, skipped } from "./finding.ts";
import { type SetCommand, setNamed } from "./set-command.ts";

/** Milliseconds the analysis endpoint may take to answer; its own limit for a submission is far above. */
const endpointPatience = 20_000;

/** Whether every service that analyzes answers, each asked in its own way. */
export async function checkEndpoint(
  config: Config,
  { set, environment, host }: { readonly set: SetCommand; readonly environment: Environment; readonly host: HostProcess },
  signal: AbortSignal,
): Promise<Finding | readonly Finding[]> {
  const check = "analysis endpoint";
  if (config.dryRun) return skipped(check, "Not asked: this is a dry run (BUILD_WATCHER_DRY_RUN).");
  const services = config.analyzers.filter((name) => name !== "packages" && name !== "none");
  if (services.length === 0) {
    const without = config.analyzers.includes("packages")
      ? "the bot reads the packages of each image itself."
      : "images are copied and shown only.";
    return skipped(check, `None is set (THOTH_USER_API_HOST): ${without}`);
  }
  const { proxies } = readProxies(environment);
  const parts = {
    clock: systemClock,
    proxies,
    host,
    stateDirectory: config.stateDirectory,
    documents: createDocuments([]),
  };
  await using opened = openAnalyzers({ ...config, analyzers: services }, parts);
  return await Promise.all(opened.analyzers.map((analyzer) => checkAnalyzer(analyzer, config, set, signal)));
}

function checkAnalyzer(analyzer: Analyzer, config: Config, set: SetCommand, signal: AbortSignal): Promise<Finding> {
  const { name } = analyzer;
  const [option, { env }] = addressOption(name);
  const where = config[option];
  const late = AbortSignal.timeout(endpointPatience);
  return finding(
    "analysis endpoint",
    (error) => setNamed(asJobError(error).message, set) ?? set(env),
    async () => {
      await analyzer.discover(AbortSignal.any([signal, late])).catch((error: unknown) => {
        throw late.aborted ? new Error(`${name} at ${where} did not answer within ${endpointPatience / 1000} s.`) : error;
      });
      if (name === "thoth") return `${where} answers like Thoth's User API.`;
      return option === "commandsFile" ? `The program of ${name} can be run.` : `${name} answers at ${where}.`;
    },
  );
}

/** Whether the ledger can be kept where the settings have it. */
export function checkState({ stateDirectory }: Config, set: SetCommand): Promise<Finding> {
  const mend = set("BUILD_WATCHER_STATE_DIR");
  return finding(
    "state directory",
    () => mend,
    async () => {
      const { inUse } = checkStateDirectory(stateDirectory);
      const use = inUse ? "; a bot is working with it, so a second one could not" : "";
      return `${stateDirectory} can be written and locked${use}.`;
    },
  );
}
