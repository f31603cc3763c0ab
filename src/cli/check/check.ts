import { ConfigError } from "../../config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/options.ts";
import type { Environment, Flags } from "../../config/sources.ts";
import type { HostProcess } from "../../registry/run-directory.ts";
import { clusterSettings } from "../../settings.ts";
import type { Screen } from "../screen.ts";
import { checkCluster, type Uses } from "./cluster.ts";
import { type Finding, failed, isWell, passed, renderFindings } from "./finding.ts";
import { checkCopying } from "./registry.ts";
import { setCommandFor } from "./set-command.ts";
import { checkEndpoint, checkState } from "./surroundings.ts";

export interface CheckContext {
  readonly flags: Flags;
  readonly environment: Environment;
  readonly envFile: string | undefined;
  readonly host: HostProcess;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Looks at everything the bot will need, without working or leaving anything behind: 0 when all is well, 1 when something fails. */
export async function check(context: CheckContext, { json }: { readonly json: boolean }): Promise<number> {
  const findings = await checkAll(context);
  context.screen.write(renderFindings(findings, json));
  return isWell(findings) ? 0 : 1;
}

async function checkAll({ flags, environment, envFile, host, signal }: CheckContext): Promise<readonly Finding[]> {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ flags, environment, envFile });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((mistake) => failed("settings", mistake, "build-watcher options"));
  }
  const { config } = loaded;
  const set = setCommandFor(environment);
  const findings = await Promise.all([
    checkSettings(loaded),
    checkCluster({ ...clusterSettings(config), environment }, usesOf(config, environment), signal),
    checkCopying(config, host, set, signal),
    checkEndpoint(config, set, signal),
    checkState(config, set),
  ]);
  return findings.flat();
}

function checkSettings({ warnings }: LoadedConfig): readonly Finding[] {
  const warned = warnings.map((detail): Finding => ({ check: "settings", state: "warns", detail }));
  return [passed("settings", "They can be read, and fit together."), ...warned];
}

/** Outside the cluster image streams are listed, too, to find the registry's public host. */
function usesOf(config: Config, { KUBERNETES_SERVICE_HOST: inPod }: Environment): Uses {
  return {
    builds: true,
    names: true,
    logs: !config.noBuildLog,
    scan: config.analyzeExisting || (inPod === undefined && config.registryRoute === undefined),
    pull: config.pushRegistry !== undefined || config.passToken,
    annotations: config.annotate && !config.dryRun,
    events: config.events && !config.dryRun,
  };
}
