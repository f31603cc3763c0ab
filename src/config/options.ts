import type { Format } from "./formats.ts";

/** One setting. Everything that knows of settings — parsing, help, .env.example, the reference — is derived from the table below. */
export interface Option {
  /** The environment variable. */
  readonly env: string;
  /** The flag without dashes; absent when there is only the variable. */
  readonly flag?: string;
  readonly short?: string;
  /** Further flags that mean the same. */
  readonly aliases?: readonly string[];
  /**
   * A duration is given as `90`, `90s`, `15m`, `72h`, `30d` (a bare number is seconds) and becomes milliseconds; a size as `4194304` or `4MiB`
   * becomes bytes; a list is parted by commas.
   */
  readonly type: "boolean" | "string" | "integer" | "duration" | "size" | "list" | "choice";
  readonly default?: string | number | boolean;
  /** Without a fixed default, but the loader always finds a value. */
  readonly derived?: true;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** What a text, or each item of a list, must look like; `formats.ts` says what that is. */
  readonly format?: Format;
  readonly group: Group;
  readonly help: string;
  /** Its value is never printed. */
  readonly secret?: boolean;
  /** What stands for the value in the help, e.g. `<host>`. */
  readonly placeholder?: string;
}

export const groups = [
  "What is watched",
  "Analysis",
  "Registries",
  "Work",
  "Cluster",
  "Server",
  "Notifications and web hooks",
  "Logs and metrics",
] as const;
export type Group = (typeof groups)[number];

export const options = {
  namespaces: {
    env: "THOTH_WATCHED_NAMESPACE",
    flag: "build-watcher-namespace",
    short: "n",
    type: "list",
    format: "namespace",
    group: "What is watched",
    placeholder: "<namespaces>",
    help: "Namespaces to watch: one, several separated by commas, or * for all. Default: the kubeconfig's or the pod's own.",
  },
  analyzeExisting: {
    env: "THOTH_ANALYZE_EXISTING",
    flag: "analyze-existing",
    type: "boolean",
    default: false,
    group: "What is watched",
    help: "At start, also submit what already lies in image streams.",
  },
  failedBuilds: {
    env: "BUILD_WATCHER_FAILED_BUILDS",
    flag: "failed-builds",
    type: "boolean",
    default: false,
    group: "What is watched",
    help: "Submit failed builds, too: their log and base image.",
  },
  labelSelector: {
    env: "BUILD_WATCHER_LABEL_SELECTOR",
    flag: "label-selector",
    type: "string",
    format: "label-selector",
    group: "What is watched",
    placeholder: "<selector>",
    help: "Follow only builds with these labels, in the syntax of oc get -l.",
  },
  track: {
    env: "BUILD_WATCHER_TRACK",
    flag: "track",
    type: "list",
    format: "build-config",
    group: "What is watched",
    placeholder: "<names>",
    help: "Follow only builds of these BuildConfigs: [namespace/]name, several separated by commas.",
  },
  trackFile: {
    env: "BUILD_WATCHER_TRACK_FILE",
    flag: "track-file",
    type: "string",
    group: "What is watched",
    placeholder: "<file>",
    help: "A YAML file that lists further BuildConfigs to follow under trackBuildConfigs: (kind, name, namespace).",
  },
  analysisHost: {
    env: "THOTH_USER_API_HOST",
    flag: "thoth-api-host",
    short: "a",
    type: "string",
    format: "endpoint",
    group: "Analysis",
    placeholder: "<host>",
    help: "Host or URL of the analysis endpoint, Thoth's User API. A bare host means https.",
  },
  noTlsVerify: {
    env: "THOTH_NO_TLS_VERIFY",
    flag: "no-tls-verify",
    short: "T",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Do not verify the analysis endpoint's certificate.",
  },
  environmentType: {
    env: "THOTH_ENVIRONMENT_TYPE",
    flag: "environment-type",
    type: "choice",
    choices: ["runtime", "buildtime"],
    group: "Analysis",
    placeholder: "<type>",
    help: "What the images are used for. The endpoint assumes runtime.",
  },
  noBase: {
    env: "THOTH_BUILD_ANALYSIS_NO_BASE_IMAGE",
    flag: "no-base",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Do not submit base images.",
  },
  noOutput: {
    env: "THOTH_BUILD_ANALYSIS_NO_OUTPUT_IMAGE",
    flag: "no-output",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Do not submit the images that builds make.",
  },
  noBuildLog: {
    env: "THOTH_BUILD_ANALYSIS_NO_BUILD_LOG",
    flag: "no-build-log",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Do not submit build logs.",
  },
  buildLogLimit: {
    env: "BUILD_WATCHER_BUILD_LOG_LIMIT",
    flag: "build-log-limit",
    type: "size",
    default: "4MiB",
    minimum: 1,
    group: "Analysis",
    placeholder: "<size>",
    help: "Bytes of a build log that are submitted, counted from its end.",
  },
  debug: {
    env: "THOTH_BUILD_ANALYSIS_DEBUG",
    flag: "debug",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Ask the endpoint to analyze in debug mode.",
  },
  force: {
    env: "THOTH_BUILD_ANALYSIS_FORCE",
    flag: "force",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Ask the endpoint to ignore cached results; the commands scan and submit then submit known images again.",
  },
  dryRun: {
    env: "BUILD_WATCHER_DRY_RUN",
    flag: "dry-run",
    type: "boolean",
    default: false,
    group: "Analysis",
    help: "Copy and submit nothing, but log what would be submitted; what was found is forgotten at the end.",
  },
  follow: {
    env: "BUILD_WATCHER_FOLLOW",
    type: "boolean",
    default: true,
    group: "Analysis",
    help: "0: do not ask the endpoint how analyses go after they were submitted.",
  },
  followFor: {
    env: "BUILD_WATCHER_FOLLOW_FOR",
    flag: "follow-for",
    type: "duration",
    default: "24h",
    minimum: 1,
    group: "Analysis",
    placeholder: "<duration>",
    help: "How long after its submission an analysis that does not end is asked after.",
  },
  passToken: {
    env: "THOTH_PASS_TOKEN",
    flag: "pass-token",
    short: "p",
    type: "boolean",
    default: false,
    group: "Registries",
    help: "Send the cluster's token as the password for images in the cluster's own registry.",
  },
  sourceUser: {
    env: "THOTH_SRC_REGISTRY_USER",
    flag: "src-registry-user",
    aliases: ["registry-user"],
    type: "string",
    format: "user",
    group: "Registries",
    placeholder: "<user>",
    help: "User for the cluster's registry, or the one that --src-registry names.",
  },
  sourcePassword: {
    env: "THOTH_SRC_REGISTRY_PASSWORD",
    flag: "src-registry-password",
    aliases: ["registry-password"],
    type: "string",
    secret: true,
    group: "Registries",
    placeholder: "<password>",
    help: "Password of that user. Prefer the variable: a flag is visible to other processes.",
  },
  sourceRegistry: {
    env: "BUILD_WATCHER_SRC_REGISTRY",
    flag: "src-registry",
    type: "list",
    format: "host",
    group: "Registries",
    placeholder: "<hosts>",
    help: "Registries that this login is for, and the only ones to see it: host[:port], several separated by commas. Default: the cluster's own.",
  },
  noSourceTlsVerify: {
    env: "THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY",
    flag: "no-src-registry-tls-verify",
    short: "S",
    type: "boolean",
    default: false,
    group: "Registries",
    help: "Do not verify the certificates of the registries images come from.",
  },
  noDestinationTlsVerify: {
    env: "THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY",
    flag: "no-dst-registry-tls-verify",
    short: "D",
    type: "boolean",
    default: false,
    group: "Registries",
    help: "Do not verify the push registry's certificate.",
  },
  noRegistryTlsVerify: {
    env: "THOTH_NO_REGISTRY_TLS_VERIFY",
    flag: "no-registry-tls-verify",
    type: "boolean",
    default: false,
    group: "Registries",
    help: "Do not verify any registry's certificate: both of the above.",
  },
  registryRoute: {
    env: "BUILD_WATCHER_REGISTRY_ROUTE",
    flag: "registry-route",
    type: "string",
    format: "host",
    group: "Registries",
    placeholder: "<host>",
    help: "Public host of the cluster's registry, which its images are named by. Default: found by itself outside the cluster; inside, the internal host.",
  },
  pushRegistry: {
    env: "THOTH_PUSH_REGISTRY",
    flag: "push-registry",
    short: "r",
    type: "string",
    format: "repository-prefix",
    group: "Registries",
    placeholder: "<registry>",
    help: "Copy every image here before it is submitted, and submit the copy: host[:port][/path].",
  },
  destinationUser: {
    env: "THOTH_DST_REGISTRY_USER",
    flag: "dst-registry-user",
    type: "string",
    format: "user",
    group: "Registries",
    placeholder: "<user>",
    help: "User for the push registry.",
  },
  destinationPassword: {
    env: "THOTH_DST_REGISTRY_PASSWORD",
    flag: "dst-registry-password",
    type: "string",
    secret: true,
    group: "Registries",
    placeholder: "<password>",
    help: "Password for the push registry. Prefer the variable: a flag is visible to other processes.",
  },
  sourceAuthfile: {
    env: "BUILD_WATCHER_SRC_AUTHFILE",
    flag: "src-authfile",
    type: "string",
    group: "Registries",
    placeholder: "<file>",
    help: "Logins of the registries images come from: a docker config JSON, .dockerconfigjson or .dockercfg; read anew for every copy.",
  },
  destinationAuthfile: {
    env: "BUILD_WATCHER_DST_AUTHFILE",
    flag: "dst-authfile",
    type: "string",
    group: "Registries",
    placeholder: "<file>",
    help: "Login of the push registry, in the same kind of file.",
  },
  registryCerts: {
    env: "BUILD_WATCHER_REGISTRY_CERTS",
    flag: "registry-certs",
    type: "string",
    group: "Registries",
    placeholder: "<directory>",
    help: "CA certificates of registries (*.crt, *.pem), trusted beside the system's. In a pod the cluster's service CA is found by itself.",
  },
  pushLayout: {
    env: "BUILD_WATCHER_PUSH_LAYOUT",
    flag: "push-layout",
    type: "choice",
    choices: ["default", "flat", "legacy"],
    default: "default",
    group: "Registries",
    help: "Names of copies below the push registry: <namespace>-<name> for the images of the cluster, <host>_<path> for others; flat: the push registry is one repository, <name> is in the tag; legacy: <name> alone, which equal names share.",
  },
  pushTemplate: {
    env: "BUILD_WATCHER_PUSH_TEMPLATE",
    flag: "push-template",
    type: "string",
    group: "Registries",
    placeholder: "<template>",
    help: "Names of copies below the push registry, path[:tag], made of {namespace} {name} {path} {tag} {digest} {digest12} and {registry}, the host an image comes from. In place of a layout.",
  },
  pushSkip: {
    env: "BUILD_WATCHER_PUSH_SKIP",
    flag: "push-skip",
    type: "list",
    group: "Registries",
    placeholder: "<hosts>",
    help: "Registries whose images are not copied but submitted from where they are: hosts, * for any characters, several separated by commas.",
  },
  skopeoPath: {
    env: "SKOPEO_EXEC_PATH",
    type: "string",
    group: "Registries",
    placeholder: "<path>",
    help: "The skopeo to run. Default: the one on PATH.",
  },
  workers: {
    env: "THOTH_BUILD_WATCHER_WORKERS",
    flag: "workers-count",
    type: "integer",
    default: 1,
    minimum: 1,
    maximum: 256,
    group: "Work",
    placeholder: "<number>",
    help: "Jobs run at once. Those that copy images have as many places of their own, so that no other waits behind them.",
  },
  perRegistry: {
    env: "BUILD_WATCHER_PER_REGISTRY",
    flag: "per-registry",
    type: "integer",
    default: 4,
    minimum: 1,
    maximum: 256,
    group: "Work",
    placeholder: "<number>",
    help: "Copies at once from or to one registry host.",
  },
  stateDirectory: {
    env: "BUILD_WATCHER_STATE_DIR",
    flag: "state-dir",
    type: "string",
    derived: true,
    group: "Work",
    placeholder: "<directory>",
    help: "Where the ledger of jobs is kept. Default: $XDG_STATE_HOME/build-watcher, else ~/.local/state/build-watcher.",
  },
  jobTimeout: {
    env: "BUILD_WATCHER_JOB_TIMEOUT",
    flag: "job-timeout",
    type: "duration",
    default: "15m",
    minimum: 1,
    group: "Work",
    placeholder: "<duration>",
    help: "How long one attempt at a job may take.",
  },
  giveUpAfter: {
    env: "BUILD_WATCHER_GIVE_UP_AFTER",
    flag: "give-up-after",
    type: "duration",
    default: "72h",
    minimum: 1,
    group: "Work",
    placeholder: "<duration>",
    help: "How long a job is tried again before it counts as failed.",
  },
  keep: {
    env: "BUILD_WATCHER_KEEP",
    flag: "keep",
    type: "duration",
    default: "30d",
    minimum: 1,
    group: "Work",
    placeholder: "<duration>",
    help: "How long ended jobs are remembered; longer while their Build exists in the cluster.",
  },
  shutdownGrace: {
    env: "BUILD_WATCHER_SHUTDOWN_GRACE",
    flag: "shutdown-grace",
    type: "duration",
    default: "20s",
    minimum: 0,
    group: "Work",
    placeholder: "<duration>",
    help: "How long running jobs may take to end when the bot is stopped.",
  },
  verifyClusterTls: {
    env: "KUBERNETES_VERIFY_TLS",
    type: "boolean",
    default: true,
    group: "Cluster",
    help: "0: do not verify the API server's certificate.",
  },
  clusterUrl: {
    env: "KUBERNETES_API_URL",
    type: "string",
    format: "url",
    group: "Cluster",
    placeholder: "<url>",
    help: "The API server's URL, in place of the kubeconfig's or the pod's.",
  },
  watchTimeout: {
    env: "BUILD_WATCHER_WATCH_TIMEOUT",
    flag: "watch-timeout",
    type: "duration",
    default: "120s",
    minimum: 1,
    group: "Cluster",
    placeholder: "<duration>",
    help: "Silence after which a watch is taken for dead and reopened.",
  },
  annotate: {
    env: "BUILD_WATCHER_ANNOTATE",
    type: "boolean",
    default: false,
    group: "Cluster",
    help: "Write onto Builds as annotations how they fare: state, copy, analysis and its link. Needs the rights of openshift/rbac-writing.yaml.",
  },
  events: {
    env: "BUILD_WATCHER_EVENTS",
    type: "boolean",
    default: false,
    group: "Cluster",
    help: "Emit Events about Builds: at the first failure and at the end. Needs the rights of openshift/rbac-writing.yaml.",
  },
  server: {
    env: "BUILD_WATCHER_SERVER",
    type: "boolean",
    default: true,
    group: "Server",
    help: "0: serve no page, no API, no probes and no metrics.",
  },
  port: {
    env: "PORT",
    flag: "port",
    type: "integer",
    default: 8080,
    minimum: 0,
    maximum: 65535,
    group: "Server",
    placeholder: "<port>",
    help: "Port of the bot's own server; 0 takes any free one.",
  },
  host: {
    env: "BUILD_WATCHER_HOST",
    flag: "host",
    type: "string",
    group: "Server",
    placeholder: "<address>",
    help: "Address the server listens on. Default: every one in a pod, 127.0.0.1 elsewhere.",
  },
  adminPort: {
    env: "BUILD_WATCHER_ADMIN_PORT",
    type: "integer",
    minimum: 0,
    maximum: 65535,
    group: "Server",
    placeholder: "<port>",
    help: "Serve probes, metrics and web hooks on this port instead, so that a proxy with login can stand before the page. In a pod it listens on every address.",
  },
  publicUrl: {
    env: "BUILD_WATCHER_PUBLIC_URL",
    type: "string",
    format: "url",
    group: "Server",
    placeholder: "<url>",
    help: "URL under which people reach the page through a login proxy beside the bot. In a pod buttons and build logs work through that proxy only.",
  },
  consoleUrl: {
    env: "BUILD_WATCHER_CONSOLE_URL",
    flag: "console-url",
    type: "string",
    format: "url",
    group: "Server",
    placeholder: "<url>",
    help: "URL of OpenShift's web console. The page then links to Builds and BuildConfigs there.",
  },
  apiToken: {
    env: "BUILD_WATCHER_API_TOKEN",
    type: "string",
    group: "Server",
    secret: true,
    placeholder: "<token>",
    help: "Bearer token with which programs may retry, dismiss and add jobs and read build logs. Without it that works on your own machine only, not in a pod.",
  },
  notifyUrl: {
    env: "BUILD_WATCHER_NOTIFY_URL",
    type: "list",
    format: "receiver",
    secret: true,
    group: "Notifications and web hooks",
    placeholder: "<urls>",
    help: "Where CloudEvents are sent when a job was submitted or failed and when an analysis ended: URLs, several separated by commas.",
  },
  notifySecret: {
    env: "BUILD_WATCHER_NOTIFY_SECRET",
    type: "string",
    format: "signing-secret",
    secret: true,
    group: "Notifications and web hooks",
    placeholder: "<secret>",
    help: "Signs notifications as Standard Webhooks have it: whsec_ and 24 to 64 bytes in base64.",
  },
  notifyAllowLocal: {
    env: "BUILD_WATCHER_NOTIFY_ALLOW_LOCAL",
    type: "boolean",
    default: false,
    group: "Notifications and web hooks",
    help: "Also notify link-local addresses, among them the cloud's metadata service, and in a pod the pod itself.",
  },
  webhookSecret: {
    env: "BUILD_WATCHER_WEBHOOK_SECRET",
    type: "string",
    format: "shared-secret",
    secret: true,
    group: "Notifications and web hooks",
    placeholder: "<secret>",
    help: "What callers of /webhooks/registry must send, and what /webhooks/cloudevents must be signed with. Without it both refuse everything.",
  },
  webhookRepositories: {
    env: "BUILD_WATCHER_WEBHOOK_REPOSITORIES",
    type: "list",
    group: "Notifications and web hooks",
    placeholder: "<patterns>",
    help: "Images that web hooks may name: patterns of registry/repository, * for any characters, several separated by commas. Default: all.",
  },
  verbose: {
    env: "THOTH_VERBOSE_BUILD_WATCHER",
    flag: "verbose",
    short: "v",
    type: "boolean",
    default: false,
    group: "Logs and metrics",
    help: "Log at debug level.",
  },
  plainLog: {
    env: "THOTH_LOGGING_NO_JSON",
    type: "boolean",
    group: "Logs and metrics",
    help: "1: plain lines instead of JSON; 0: JSON. Default: plain lines in a terminal, JSON elsewhere.",
  },
  streamLogs: {
    env: "BUILD_WATCHER_STREAM_LOGS",
    flag: "stream-logs",
    type: "boolean",
    default: false,
    group: "Logs and metrics",
    help: "While watching, write the logs of running builds into the bot's own log, each line tagged with its build and platform.",
  },
  deploymentName: {
    env: "THOTH_DEPLOYMENT_NAME",
    type: "string",
    group: "Logs and metrics",
    placeholder: "<name>",
    help: "A name put on every log line and, as the label instance, on pushed metrics.",
  },
  pushGatewayHost: {
    env: "PROMETHEUS_PUSHGATEWAY_HOST",
    type: "string",
    format: "endpoint",
    group: "Logs and metrics",
    placeholder: "<host>",
    help: "Host or URL of a Prometheus push gateway: metrics are pushed there every 30 seconds and when the bot stops.",
  },
  pushGatewayPort: {
    env: "PROMETHEUS_PUSHGATEWAY_PORT",
    type: "integer",
    minimum: 1,
    maximum: 65535,
    group: "Logs and metrics",
    placeholder: "<port>",
    help: "Port of the push gateway. Default: 9091, or the URL's own.",
  },
} as const satisfies Record<string, Option>;

type Options = typeof options;
export type OptionName = keyof Options;

/** Every option with its name, in the order of the table. */
export const optionEntries = Object.entries(options) as readonly (readonly [OptionName, Option])[];

type ValueOf<T extends Option> = T["type"] extends "list"
  ? readonly string[]
  : T extends { default: string | number | boolean } | { derived: true }
    ? Present<T>
    : Present<T> | undefined;

type Present<T extends Option> = T["type"] extends "boolean"
  ? boolean
  : T["type"] extends "integer" | "duration" | "size"
    ? number
    : T extends { choices: readonly (infer Choice)[] }
      ? Choice
      : string;

/** Every setting by its name: durations in milliseconds, sizes in bytes. The type follows from the table. */
export type Config = { readonly [Name in OptionName]: ValueOf<Options[Name]> };
