import { readFileSync } from "node:fs";
import { readsPackages } from "../../app/opening/reading.ts";
import { clusterSettings } from "../../app/settings.ts";
import type { HostProcess } from "../../children/run-directory.ts";
import { usualServiceAccountDirectory } from "../../cluster/settings.ts";
import { ConfigError } from "../../config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/options.ts";
import type { Environment, Flags } from "../../config/sources.ts";
import type { Screen } from "../screen.ts";
import { checkCluster } from "./cluster.ts";
import { checkDatabase } from "./database.ts";
import { type Finding, failed, isWell, passed, renderFindings, renderJson, warned } from "./finding.ts";
import { checkFirstStart } from "./first-start.ts";
import { checkReading } from "./reading.ts";
import { checkCopying } from "./registry.ts";
import type { Uses } from "./rights.ts";
import { type SetCommand, setCommandFor, setNamed } from "./set-command.ts";
import { checkEndpoint, checkState } from "./surroundings.ts";
import { tokenWarnings } from "./token.ts";

export interface CheckContext {
  readonly flags: Flags;
  readonly environment: Environment;
  readonly envFile: string | undefined;
  readonly ownEnvFile?: boolean;
  readonly host: HostProcess;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Looks at everything the bot will need, without working or leaving anything behind: 0 when all is well, 1 when something fails. */
export async function check(
  context: CheckContext,
  { json, all }: { readonly json: boolean; readonly all: boolean },
): Promise<number> {
  const { screen } = context;
  const findings = await checkAll(context);
  if (json) screen.write(renderJson(findings));
  else screen.writeRaw(renderFindings(findings, { all, paint: screen.paint }));
  return isWell(findings) ? 0 : 1;
}

async function checkAll({ flags, environment, envFile, ownEnvFile, host, signal }: CheckContext): Promise<readonly Finding[]> {
  const inPod = environment.KUBERNETES_SERVICE_HOST !== undefined;
  const set = setCommandFor({ environment, flags, namespace: inPod ? readPodNamespace() : undefined });
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ flags, environment, envFile, ownEnvFile });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((mistake) => failed("settings", mistake, setNamed(mistake, set)));
  }
  const { config } = loaded;
  const findings = await Promise.all([
    checkSettings(loaded),
    tokenWarnings(config, environment).map((detail) => warned("pass-token", detail)),
    checkCluster(
      { ...clusterSettings(config), environment },
      {
        uses: usesOf(config, environment),
        watched: config,
        set,
        firstStart: (probe, sources) => checkFirstStart(probe, sources, config, signal),
      },
      signal,
    ),
    checkCopying(config, host, { set, inPod, environment }, signal),
    inPod ? checkPulling(config, set) : [],
    checkReading(config, { set, environment, host }, signal),
    checkEndpoint(config, { set, environment, host }, signal),
    checkDatabase(config, { set, environment }),
    checkState(config, set),
  ]);
  return findings.flat();
}

/** Where the pod runs; undefined when it has no service account's files. */
function readPodNamespace(): string | undefined {
  try {
    return readFileSync(`${usualServiceAccountDirectory}/namespace`, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function checkSettings({ warnings }: LoadedConfig): readonly Finding[] {
  const doubts = warnings.map((detail) => warned("settings", detail));
  return [passed("settings", "The settings are valid."), ...doubts];
}

/** Inside the cluster its own registry is named by its internal host, and nobody but the bot has its login. */
function checkPulling(
  { dryRun, passToken, pushRegistry, registryRoute, analyzers }: Config,
  set: SetCommand,
): readonly Finding[] {
  const submits = analyzers.some((name) => name !== "packages" && name !== "none");
  if (!submits || dryRun || passToken || pushRegistry !== undefined || registryRoute !== undefined) return [];
  const detail =
    "Images of the cluster's own registry are submitted by its internal host name and without a login: an analysis service " +
    "outside the cluster cannot pull them, one inside needs THOTH_PASS_TOKEN=1. THOTH_PUSH_REGISTRY copies them to where it can; " +
    "BUILD_WATCHER_REGISTRY_ROUTE names them by the registry's public host.";
  return [warned("pulling", detail, set("THOTH_PUSH_REGISTRY"))];
}

/** Outside the cluster image streams are listed, too, to find the registry's public host. */
function usesOf(config: Config, { KUBERNETES_SERVICE_HOST: inPod }: Environment): Uses {
  return {
    builds: true,
    owners: true,
    names: true,
    logs: !config.noBuildLog,
    scan: config.analyzeExisting || (inPod === undefined && config.registryRoute === undefined),
    pull: config.pushRegistry !== undefined || config.passToken || readsPackages(config),
    annotations: config.annotate && !config.dryRun,
    events: config.events && !config.dryRun,
  };
}
