import type { Analyzer } from "../../analyzers/analyzer.ts";
import { openAnalyzers } from "../../analyzers/index.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import { systemClock } from "../../core/clock.ts";
import { readProxies } from "../../core/proxy.ts";
import { checkStateDirectory } from "../../queue/index.ts";
import { type Finding, finding, skipped } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** Milliseconds the analysis endpoint may take to answer; its own limit for a submission is far above. */
const endpointPatience = 20_000;

/** Whether every analyzer answers discovery. */
export async function checkEndpoint(
  config: Config,
  { set, environment }: { readonly set: SetCommand; readonly environment: Environment },
  signal: AbortSignal,
): Promise<Finding | readonly Finding[]> {
  const check = "analysis endpoint";
  const mend = set("THOTH_USER_API_HOST");
  if (config.dryRun) return skipped(check, "Not asked: this is a dry run (BUILD_WATCHER_DRY_RUN).");
  const services = config.analyzers.filter((name) => name !== "packages" && name !== "none");
  if (services.length === 0) {
    const without = config.analyzers.includes("packages")
      ? "the bot reads the packages of each image itself."
      : "images are copied and shown only.";
    return skipped(check, `None is set (THOTH_USER_API_HOST): ${without}`);
  }
  const parts = { clock: systemClock, proxies: readProxies(environment).proxies };
  await using opened = openAnalyzers({ ...config, analyzers: services }, parts);
  const late = AbortSignal.timeout(endpointPatience);
  const look = async (analyzer: Analyzer) => {
    await analyzer.discover(AbortSignal.any([signal, late])).catch((error: unknown) => {
      const silence = `The analysis endpoint ${config.analysisHost} did not answer within ${endpointPatience / 1000} s.`;
      throw late.aborted ? new Error(silence) : error;
    });
    return analyzer.name === "thoth" ? `${config.analysisHost} answers as Thoth's User API does.` : `${analyzer.name} answers.`;
  };
  return await Promise.all(
    opened.analyzers.map((analyzer) =>
      finding(
        check,
        () => mend,
        () => look(analyzer),
      ),
    ),
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
