import { type ClusterProbe, grantFor, loginCommand, openClusterProbe } from "../../cluster/probe.ts";
import { type Right, rights, writingRights } from "../../cluster/rights.ts";
import type { ClusterSettings } from "../../cluster/settings.ts";
import { type Finding, failed, finding, passed, skipped } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";
import { checkWatched, type Watched } from "./watched.ts";

/** Which of the bot's rights the settings make use of. */
export type Uses = Readonly<Record<Right["use"], boolean>>;

/** What the settings ask of the cluster, and how they are changed. */
export interface Demands {
  readonly uses: Uses;
  readonly watched: Watched;
  readonly set: SetCommand;
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
    return await askCluster(probe, { ...demands, reconnect }, signal);
  } finally {
    await probe.close();
  }
}

/** A pod gets its token and its CA anew when it starts. */
const restart = "oc rollout restart deployment/build-watcher";

async function askCluster(
  probe: ClusterProbe,
  { uses, watched, set, reconnect }: Demands & { readonly reconnect: string },
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
    const stranger = failed("identity", "The cluster takes the bot for anonymous: it got no credentials.", login(undefined));
    return [cluster, stranger, notAsked("the cluster does not know the bot")];
  }
  const identity = identityOf(known, login);
  const user = typeof known === "string" ? known : undefined;
  const resources = await Promise.all((["builds", "imagestreams"] as const).map((resource) => checkApi(probe, resource, signal)));
  const granted = await Promise.all(probe.namespaces.flatMap((namespace) => checkRights(probe, user, namespace, uses, signal)));
  const doubts = await checkWatched(probe, watched, set, signal);
  return [cluster, identity, ...resources, ...granted, ...doubts];
}

function identityOf(known: unknown, login: (error: unknown) => string): Finding {
  if (typeof known === "string") return passed("identity", `The bot is ${known}.`);
  if (known === undefined)
    return skipped("identity", "The cluster does not tell the bot's name: it is older than Kubernetes 1.28.");
  return failed("identity", known, login(known));
}

const groups = { builds: "build.openshift.io", imagestreams: "image.openshift.io" } as const;

function checkApi(probe: ClusterProbe, resource: keyof typeof groups, signal: AbortSignal): Promise<Finding> {
  const name = `${resource}.${groups[resource]}`;
  const look = async () => {
    if (await probe.serves(groups[resource], resource, signal)) return `The cluster serves ${name}.`;
    throw new Error(`The cluster does not serve ${name}: it is not OpenShift, or this capability is switched off.`);
  };
  return finding(`API ${resource}`, () => "oc get clusterversion version -o jsonpath='{.status.capabilities}'", look);
}

function checkRights(
  probe: ClusterProbe,
  user: string | undefined,
  namespace: string | undefined,
  uses: Uses,
  signal: AbortSignal,
): readonly Promise<Finding>[] {
  const who = user ?? "The bot";
  const asked = [...rights, ...writingRights.filter(({ use }) => uses[use])];
  return asked.map(async (right) => {
    const what = `${right.verb} ${right.resource}`;
    const where = namespace === undefined ? "in all namespaces" : `in namespace ${namespace}`;
    const check = `right ${what}`;
    try {
      if (await probe.may(right, namespace, signal)) return at(namespace, passed(check, `${who} can ${what} ${where}.`));
      if (!uses[right.use])
        return at(namespace, skipped(check, `${who} cannot ${what} ${where}, and these settings do not need it.`));
      return at(
        namespace,
        failed(check, `${who} cannot ${what} ${where}.${doubtOf(right, namespace)}`, grantFor(right, namespace, user)),
      );
    } catch (error) {
      return at(namespace, failed(check, error));
    }
  });
}

/** Said once a namespace. */
function doubtOf({ verb, resource }: Right, namespace: string | undefined): string {
  if (namespace === undefined || verb !== "list" || resource !== "builds") return "";
  return " A namespace that does not exist is refused alike: is its name right?";
}

function at(namespace: string | undefined, found: Finding): Finding {
  return namespace === undefined ? found : { ...found, namespace };
}

function notAsked(because: string): Finding {
  return skipped("rights", `Not asked: ${because}.`);
}
