import { imageStreams } from "../../cluster/api/paths.ts";
import { type ClusterProbe, loginCommand, openClusterProbe } from "../../cluster/probe.ts";
import type { ClusterSettings } from "../../cluster/settings.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { buildSources } from "../../sources/index.ts";
import { openshiftBuilds } from "../../sources/openshift-builds.ts";
import { type Finding, failed, finding, passed, skipped } from "./finding.ts";
import { type Asked, checkRights, type Uses } from "./rights.ts";
import type { SetCommand } from "./set-command.ts";
import { capabilities, findSources } from "./sources.ts";
import { checkWatched, type Watched } from "./watched.ts";

/** What the settings ask of the cluster, and how they are changed. */
export interface Demands {
  readonly uses: Uses;
  readonly watched: Watched;
  readonly set: SetCommand;
  /** What a first start would do, for the sources there are. */
  readonly firstStart: (probe: ClusterProbe, sources: readonly BuildSource[]) => Promise<Finding>;
}

/** The build systems that are known, and the names of those that were chosen. */
interface Sources {
  readonly sources: readonly BuildSource[];
  readonly chosen: readonly string[];
}

/** Whether the cluster is there, who the bot is to it, what it serves and what the bot may do; what cannot be asked is left out. */
export async function checkCluster(
  settings: ClusterSettings,
  demands: Demands,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let probe: ClusterProbe;
  try {
    probe = await openClusterProbe(settings);
  } catch (error) {
    const mend = settings.environment.KUBERNETES_SERVICE_HOST ? restart : loginCommand(undefined, error);
    return [failed("cluster", error, mend), notAsked("no cluster to ask")];
  }
  try {
    const reconnect = settings.url === undefined ? restart : demands.set("KUBERNETES_API_URL");
    const sources = buildSources({ ignoreResults: settings.tektonIgnoreResults ?? [] });
    return await askCluster(probe, { ...demands, reconnect, sources, chosen: settings.sources ?? [] }, signal);
  } finally {
    await probe.close();
  }
}

/** A pod gets a new token and CA when it starts. */
const restart = "oc rollout restart deployment/build-watcher";

async function askCluster(
  probe: ClusterProbe,
  { uses, watched, set, firstStart, reconnect, sources, chosen }: Demands & Sources & { readonly reconnect: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const login = (error: unknown) => (probe.inPod ? reconnect : loginCommand(probe.server, error));
  const cluster = await finding(
    "cluster",
    login,
    async () => `${probe.server} answers, Kubernetes ${await probe.version(signal)}`,
  );
  if (cluster.state === "fails") return [cluster, notAsked("the cluster does not answer")];
  const known = await probe.user(signal).catch((error: unknown) => error);
  if (known === "system:anonymous") {
    const stranger = failed("identity", "To the cluster the bot is anonymous: it got no credentials.", login(undefined));
    return [cluster, stranger, notAsked("the cluster does not know the bot")];
  }
  const identity = identityOf(known, login);
  const user = typeof known === "string" ? known : undefined;
  const { served, findings } = await findSources(probe, { known: sources, chosen, set }, signal);
  const streams = await probe.serves(imageStreams, signal).catch((error: unknown) => error);
  const hasBuilds = served.includes(openshiftBuilds);
  const asked: Asked = {
    probe,
    user,
    uses,
    sources: served.length > 0 ? served : sources.slice(0, 1),
    isOptional: (source) => chosen.length === 0 && source !== served[0],
    hasImageStreams: streams !== false || hasBuilds,
  };
  const granted = await Promise.all(probe.namespaces.map((namespace) => checkRights(asked, namespace, signal)));
  const doubts = await checkWatched(probe, { ...watched, sources: asked.sources }, set, signal);
  const start = await firstStart(probe, asked.sources);
  return [cluster, identity, ...findings, checkImageStreams(streams, hasBuilds), ...granted.flat(), ...doubts, start];
}

function identityOf(known: unknown, login: (error: unknown) => string | undefined): Finding {
  if (typeof known === "string") return passed("identity", `The bot is ${known}.`);
  if (known === undefined)
    return skipped("identity", "The cluster does not say who the bot is: it is older than Kubernetes 1.28.");
  return failed("identity", known, login(known));
}

/** Where no builds of OpenShift are watched, nothing needs image streams either. */
function checkImageStreams(isServed: unknown, isNeeded: boolean): Finding {
  const [check, name] = ["API imagestreams", `${imageStreams.plural}.${imageStreams.group}`];
  if (isServed instanceof Error) return failed(check, isServed, capabilities);
  if (isServed === true) return passed(check, `The cluster serves ${name}.`);
  if (!isNeeded) return skipped(check, `The cluster does not serve ${name}, and no builds of OpenShift are watched.`);
  const detail = `The cluster does not serve ${name}: it is not OpenShift, or this capability is switched off.`;
  return failed(check, detail, capabilities);
}

function notAsked(because: string): Finding {
  return skipped("rights", `Not asked: ${because}.`);
}
