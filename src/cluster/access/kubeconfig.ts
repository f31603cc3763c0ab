import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { readProxies } from "../../core/hosts/proxy.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { type ClusterContext, type KubeconfigSource, serverUrl, skipsTls } from "./context.ts";
import type { ReadFile } from "./file-reader.ts";
import type { KubeconfigText } from "./kubeconfig-files.ts";
import { authenticateStatic, isStatic } from "./static-user.ts";

type Fields = Readonly<Record<string, unknown>>;

interface KubeconfigDocument {
  readonly clusters?: readonly { readonly name: string; readonly cluster?: Fields | null }[] | null;
  readonly users?: readonly { readonly name: string; readonly user?: Fields | null }[] | null;
  readonly contexts?: readonly { readonly name: string; readonly context?: Fields | null }[] | null;
  readonly "current-context"?: string;
}

/** Which context of a kubeconfig the bot uses, and the server it names. */
export interface ContextChoice {
  readonly name: string;
  readonly server: unknown;
}

export interface LoadedKubeconfig {
  readonly context: ClusterContext;
  /** Undefined when only the URL was given, without a kubeconfig. */
  readonly choice: ContextChoice | undefined;
}

/**
 * Reads the current context's server and credentials. `before` is the choice made at start: somebody's `oc login` elsewhere must not lead the
 * bot to another cluster. Throws `JobError("ClusterUnavailable")`.
 */
export async function loadKubeconfig(
  read: KubeconfigText,
  source: KubeconfigSource,
  readFile: ReadFile,
  before?: ContextChoice,
): Promise<LoadedKubeconfig> {
  const { choice, cluster: named, user, namespace } = chooseContext(read, source, before);
  const server = serverUrl(source.url ?? named.server);
  if (!server) throw unavailable(`${fileNames(read)} names no valid server URL: run oc login, or correct KUBERNETES_API_URL`);
  const unverified = skipsTls(server, source.verifyTls) || named["insecure-skip-tls-verify"] === true;
  const cluster = { ...named, server: server.replace(/\/$/, ""), "insecure-skip-tls-verify": unverified };
  const proxyUrl = named["proxy-url"] ?? readProxies(source.environment).proxies.proxyFor(new URL(server))?.url;
  const context: ClusterContext = {
    server,
    namespace: typeof namespace === "string" ? namespace : undefined,
    // As in client-go: the kubeconfig's proxy, else that of the environment.
    proxyUrl: typeof proxyUrl === "string" ? proxyUrl : undefined,
    authenticate: isStatic(user)
      ? (options) => authenticateStatic(cluster, user, options, readFile)
      : await asking(cluster, user),
  };
  return { context, choice };
}

/** Credentials that a plugin or a provider gives. client-node asks them. It takes longer to load than the bot itself, so it is loaded only here. */
async function asking(cluster: Fields, user: Fields): Promise<ClusterContext["authenticate"]> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  const name = "current";
  const document = {
    clusters: [{ name, cluster }],
    users: [{ name, user: await readableUser(user, cluster) }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  config.loadFromString(JSON.stringify(document));
  return (options) => config.applyToHTTPSOptions(options);
}

interface ChosenContext {
  readonly choice: ContextChoice | undefined;
  readonly cluster: Fields;
  readonly user: Fields;
  readonly namespace: unknown;
}

/** With several files, the first value wins, as with oc. */
function chooseContext(read: KubeconfigText, source: KubeconfigSource, before: ContextChoice | undefined): ChosenContext {
  const documents = read.files.map(({ path, text }) => parseKubeconfig(path, text));
  const contexts = documents.flatMap((document) => document.contexts ?? []);
  const clusters = documents.flatMap((document) => document.clusters ?? []);
  const users = documents.flatMap((document) => document.users ?? []);
  const current = documents.find((document) => document["current-context"])?.["current-context"];
  const known = [current, before?.name].flatMap((wanted) => {
    const context = contexts.find(({ name }) => name === wanted)?.context;
    if (!wanted || !context) return [];
    const cluster = clusters.find(({ name }) => name === context.cluster)?.cluster ?? {};
    const user = users.find(({ name }) => name === context.user)?.user ?? {};
    return [{ choice: { name: wanted, server: cluster.server }, cluster, user, namespace: context.namespace }];
  });
  const chosen = known.find(({ choice }) => !before || choice.server === before.server);
  if (chosen) return chosen;
  if (before)
    throw unavailable(`${fileNames(read)} no longer has a context for ${before.server}: run oc login there, or restart the bot`);
  if (source.url) return { choice: undefined, cluster: {}, user: {}, namespace: undefined };
  throw unavailable(`${fileNames(read)} has no current context: run oc login, or oc config use-context`);
}

function parseKubeconfig(path: string, text: string): KubeconfigDocument {
  try {
    const document = (parse(text, { merge: true, logLevel: "error" }) ?? {}) as KubeconfigDocument;
    const directory = dirname(path);
    return {
      ...document,
      clusters: document.clusters?.map((entry) => ({ ...entry, cluster: absolutePaths(entry.cluster ?? {}, directory) })),
      users: document.users?.map((entry) => ({ ...entry, user: localUser(entry.user ?? {}, directory) })),
    };
  } catch (error) {
    // The parser's further lines quote the file, credentials included.
    const [reason] = String(error instanceof Error ? error.message : error).split("\n");
    throw unavailable(`The kubeconfig ${path} cannot be read (${reason}): run oc login to write it again`);
  }
}

const pathFields = ["certificate-authority", "client-certificate", "client-key", "tokenFile", "token-file"];

function absolutePaths(fields: Fields, directory: string): Fields {
  const paths = pathFields.flatMap((field) => {
    const path = fields[field];
    return typeof path === "string" && path !== "" ? [[field, isAbsolute(path) ? path : join(directory, path)]] : [];
  });
  return { ...fields, ...Object.fromEntries(paths) };
}

/** A plugin's path is relative to the file, as for client-go; a name without a slash is looked for on PATH. */
function localUser(user: Fields, directory: string): Fields {
  const { exec, ...rest } = absolutePaths(user, directory);
  const { command } = asFields(exec);
  const isLocal = typeof command === "string" && command.includes("/") && !isAbsolute(command);
  return exec === undefined ? rest : { ...rest, exec: isLocal ? { ...asFields(exec), command: join(directory, command) } : exec };
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/**
 * A user in client-node's terms: it does not tell a plugin what it may do
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 */
async function readableUser(user: Fields, cluster: Fields): Promise<Fields> {
  const { exec, ...rest } = user;
  if (typeof exec !== "object" || exec === null) return rest;
  const { apiVersion, env, provideClusterInfo } = exec as {
    apiVersion?: string;
    env?: readonly Fields[] | null;
    provideClusterInfo?: unknown;
  };
  const spec = { interactive: false, ...(provideClusterInfo === true && { cluster: await clusterInfo(cluster) }) };
  const request = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
  return { ...rest, exec: { ...exec, env: [...(env ?? []), { name: "KUBERNETES_EXEC_INFO", value: request }] } };
}

/** What a plugin may ask to be told of the cluster (client.authentication.k8s.io, `Cluster`). */
async function clusterInfo(cluster: Fields): Promise<Fields> {
  const { "certificate-authority": path, extensions } = cluster;
  const named = (Array.isArray(extensions) ? extensions : []).map(asFields);
  const config = named.find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension;
  const authority = typeof path === "string" && path !== "" ? await readFile(path, "base64") : undefined;
  const fields = ["server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url"] as const;
  const info = { ...cluster, ...(authority !== undefined && { "certificate-authority-data": authority }) } as Fields;
  return {
    ...Object.fromEntries(fields.flatMap((name) => (info[name] ? [[name, info[name]]] : []))),
    ...(config !== undefined && { config }),
  };
}

function fileNames(read: KubeconfigText): string {
  return read.files.length > 0 ? `The kubeconfig ${read.files.map(({ path }) => path).join(", ")}` : "KUBERNETES_API_URL";
}

function unavailable(message: string): JobError {
  return new JobError("ClusterUnavailable", message);
}
