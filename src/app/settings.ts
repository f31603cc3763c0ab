import { hostname } from "node:os";
import { plannedAnalyzers } from "../analyzers/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { analyzerAddresses } from "../config/analyzer-address.ts";
import { fileVariable } from "../config/files/secret-files.ts";
import { type Config, options } from "../config/options.ts";
import { selectorsOf } from "../config/selectors.ts";
import type { BuildFacts } from "../core/builds/build-outcome.ts";
import { parseLabelSelector } from "../core/builds/label-selector.ts";
import { readProxies } from "../core/hosts/proxy.ts";
import type { ImageReference } from "../core/images/image-reference.ts";
import { mayCopy, readPushSettings } from "../core/images/push-target.ts";
import { isTrackedTask, type Job, type SubmissionPolicy } from "../core/jobs/job.ts";
import { registryLogins } from "../pipeline/builds/registry-logins.ts";
import type { DatabaseSource } from "../postgres/index.ts";
import { knownSources } from "../sources/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The longest time for reading a build's log: milliseconds, and a share of the job's time. */
const logTime = 60_000;
const logShare = 1 / 4;

/** Which cluster, and which part of it. */
export function clusterSettings(config: Config) {
  const { namespaces, verifyClusterTls, clusterUrl, watchTimeout, registryRoute } = config;
  const { tektonIgnoreResults, namespaceSelector, namespaceExclude } = config;
  const which = { sources: config.sources, ...taskSettings(config), tektonIgnoreResults };
  const selectors = { selectors: selectorsOf(config), namespaceSelector, namespaceExclude };
  const logTimeLimit = Math.min(logTime, config.jobTimeout * logShare);
  const reaching = { verifyTls: verifyClusterTls, url: clusterUrl, registryRoute, pullAccount: config.pullAccount };
  return { namespaces, ...selectors, ...which, ...reaching, watchTimeout, logTimeLimit };
}

/** Which TaskRuns report their images though they are part of a PipelineRun. */
export function taskSettings({ tektonTasks, tektonFailed, track }: Pick<Config, "tektonTasks" | "tektonFailed" | "track">) {
  return {
    reportsItself: (task: BuildFacts) => tektonTasks === "all" || isTrackedTask(task, track),
    failedImages: tektonFailed === "analyze",
  };
}

/** Where the server listens. In a pod, probes come from outside. Elsewhere only this machine needs the server. */
export function serverSettings({ host, port, adminPort }: Config, { KUBERNETES_SERVICE_HOST: inPod }: Environment) {
  const usual = inPod ? undefined : "127.0.0.1";
  // A login proxy reaches the page over the pod's loopback, but probes still come from outside.
  const admin = adminPort === undefined ? undefined : { host: inPod ? undefined : (host ?? usual), port: adminPort };
  return { host: host ?? usual, port, admin };
}

/** The settings that the page shows, and who can change something on it. */
export function pageSettings(config: Config, { KUBERNETES_SERVICE_HOST: inPod }: Environment) {
  const { track, apiToken, publicUrl, pushRegistry } = config;
  const access = { apiToken, publicUrl, inPod: Boolean(inPod) };
  return { track, pushRegistry, addresses: analyzerAddresses(config), access };
}

/** Decides what becomes a job. */
export function submissionPolicy(config: Config): SubmissionPolicy {
  return {
    analyzers: plannedAnalyzers(config.analyzers),
    outputImage: !config.noOutput,
    baseImage: !config.noBase,
    buildLog: !config.noBuildLog,
    failedBuilds: config.failedBuilds,
    track: config.track,
    failedImages: config.tektonFailed === "analyze",
    matchesLabels: labelMatcher(config),
  };
}

/** Each build system has its own selector. */
function labelMatcher(config: Config): SubmissionPolicy["matchesLabels"] {
  const selectors = selectorsOf(config);
  const matchers = new Map(knownSources.map(({ kind, name }) => [kind, parseLabelSelector(selectors[name] ?? "")]));
  return (labels, kind = "Build") => matchers.get(kind)?.(labels) ?? true;
}

/** How a job is submitted. */
export function handlerSettings(config: Config, cluster: Pick<Cluster, "ownsImage" | "registryLogin">) {
  return {
    ...registryLogins(cluster, config),
    verifySourceTls: !config.noSourceTlsVerify,
    verifyDestinationTls: !config.noDestinationTlsVerify,
    readsWithLogin: readsWithLogin(config),
    buildLogLimit: config.buildLogLimit,
  };
}

/** Whether images are read with the bot's own logins, by the bot or by the analyzer. */
function readsWithLogin({ passToken, sourceUser, pushRegistry, analyzers, dryRun }: Config): boolean {
  return passToken || sourceUser !== undefined || (!dryRun && (pushRegistry !== undefined || analyzers.includes("packages")));
}

/** Jobs that copy images are the slow ones. Throws `SetupError`. */
export function queueSettings({ workers, perNamespace, jobTimeout, giveUpAfter, ...config }: Config) {
  const { pushRegistry: registry, pushLayout: layout, pushTemplate: template, pushSkip: skip, dryRun } = config;
  const rules = registry === undefined || dryRun ? undefined : readPushSettings({ registry, layout, template, skip });
  const watchesSeveral = config.namespaces.length > 1 || config.namespaces.includes("*");
  const perTenant = perNamespace ?? (watchesSeveral ? Math.max(workers - 1, 1) : undefined);
  return { workers, perTenant, jobTimeout, giveUpAfter, isSlow: rules && ((job: Job) => mayCopy(job, rules)) };
}

/** Where images are copied to, and with which logins; undefined when they are not copied. The cluster's token is only for its own registry. */
export function copierSettings(config: Config, cluster: OwnRegistry, environment: Environment) {
  const { pushRegistry, pushLayout: layout, pushTemplate: template, pushSkip: skip, skopeoPath } = config;
  if (pushRegistry === undefined) return undefined;
  return {
    ...registrySettings(config, cluster, environment),
    pushRegistry,
    layout,
    template,
    skip,
    owns: (registry: string) => cluster.ownsImage({ registry, repository: "" }),
    skopeoPath,
    stateDirectory: config.stateDirectory,
    commandTimeout: config.jobTimeout,
  };
}

type OwnRegistry = Pick<Cluster, "ownsImage" | "registryLogin">;

/** How every part reaches registries: logins, certificates, proxies, and the hosts that others may send the bot to. */
export function registrySettings(config: Config, cluster: OwnRegistry, environment: Environment) {
  return {
    perRegistry: config.perRegistry,
    proxies: readProxies(environment).proxies,
    hosts: hostSettings(config, cluster, environment),
    sourceVerifyTls: !config.noSourceTlsVerify,
    destinationVerifyTls: !config.noDestinationTlsVerify,
    certsDirectory: config.registryCerts,
    source: loginOf(config.sourceUser, config.sourcePassword),
    destination: loginOf(config.destinationUser, config.destinationPassword),
    sourceAuthfile: config.sourceAuthfile,
    destinationAuthfile: config.destinationAuthfile,
    loginFor: async (image: ImageReference, side: "source" | "destination", signal: AbortSignal) =>
      side === "source" && cluster.ownsImage(image) ? cluster.registryLogin(signal) : undefined,
  };
}

/** Which hosts the bot may contact because others named them. Hosts that the operator named are trusted. */
export function hostSettings(config: Config, cluster: Pick<OwnRegistry, "ownsImage">, environment: Environment) {
  const { KUBERNETES_SERVICE_HOST: host } = environment;
  const { pushRegistry, registryRoute, clusterUrl, sourceRegistry, trustedHosts, sourceRegistries: sources } = config;
  const given = [pushRegistry?.split("/")[0], registryRoute, ...sourceRegistry, ...trustedHosts];
  return {
    inPod: Boolean(host),
    apiServer: [host, clusterUrl && new URL(clusterUrl).hostname].filter((name) => name !== undefined),
    named: given.filter((name) => name !== undefined),
    sources,
    isOwnRegistry: (registry: string) => cluster.ownsImage({ registry, repository: "" }),
  };
}

/** The database that replicas share; undefined when everything is in files. */
export function databaseSource(
  { databaseUrl: url, databaseCa: ca }: Config,
  environment: Environment,
): DatabaseSource | undefined {
  return url === undefined ? undefined : { url, ca, file: environment[fileVariable(options.databaseUrl.env)] };
}

/** Where metrics are pushed; undefined when they are not. The label `instance` is the deployment's name, else what is watched. */
export function gatewaySettings(config: Config, { namespaces }: Pick<Cluster, "namespaces">) {
  const { pushGatewayHost: host, pushGatewayPort: port, deploymentName } = config;
  const name = deploymentName ?? namespaces.map((namespace) => namespace ?? "all").join(",");
  // Replicas must not overwrite each other.
  const instance = config.databaseUrl === undefined ? name : `${name}/${hostname()}`;
  return host === undefined ? undefined : { host, port, instance };
}

function loginOf(user: string | undefined, password: string | undefined) {
  return user !== undefined && password !== undefined ? { user, password } : undefined;
}
