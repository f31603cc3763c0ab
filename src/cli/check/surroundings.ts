import { openAnalyzer } from "../../analyzers/index.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import { systemClock } from "../../core/clock.ts";
import { readProxies } from "../../core/proxy.ts";
import { checkStateDirectory } from "../../queue/index.ts";
import { type Finding, finding, skipped } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** Milliseconds the analysis endpoint may take to answer; its own limit for a submission is far above. */
const endpointPatience = 20_000;

/** Whether the analysis endpoint answers discovery. */
export async function checkEndpoint(
  config: Config,
  { set, environment }: { readonly set: SetCommand; readonly environment: Environment },
  signal: AbortSignal,
): Promise<Finding> {
  const check = "analysis endpoint";
  const mend = set("THOTH_USER_API_HOST");
  if (config.dryRun) return skipped(check, "Not asked: this is a dry run (BUILD_WATCHER_DRY_RUN).");
  if (config.analysisHost === undefined) {
    return skipped(check, "None is set (THOTH_USER_API_HOST): the bot reads the packages of each image itself.");
  }
  const { analyzer, close } = openAnalyzer({ ...config, proxies: readProxies(environment).proxies }, systemClock);
  const late = AbortSignal.timeout(endpointPatience);
  const look = async () => {
    await analyzer.discover(AbortSignal.any([signal, late])).catch((error: unknown) => {
      const silence = `The analysis endpoint ${config.analysisHost} did not answer within ${endpointPatience / 1000} s.`;
      throw late.aborted ? new Error(silence) : error;
    });
    return `${config.analysisHost} answers as Thoth's User API does.`;
  };
  return finding(check, () => mend, look).finally(close);
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
