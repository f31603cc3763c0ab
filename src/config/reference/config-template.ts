import { stringify } from "yaml";
import { fileVariable } from "../files/secret-files.ts";
import { type Option, type OptionName, optionEntries } from "../options.ts";
import { defaultText } from "../parse-value.ts";

interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly value?: string;
  readonly required?: true;
}

/** Settings that `openshift/deployment.yaml` sets, because they must fit the pod. */
export const settingsOfThePod: readonly OptionName[] = ["port", "adminPort", "server", "stateDirectory"];

const required: readonly OptionName[] = ["namespaces"];

/** Where `openshift/deployment.yaml` mounts certificates, if there are any. */
const certificates = "/etc/build-watcher/certificates";
/** The account that `openshift/rbac.yaml` makes for pulling images. */
const pullAccount = "build-watcher-pull";
/** Where it mounts the Secret, so that no process has a password in its environment. */
const secretDirectory = "/etc/build-watcher/secrets";
const values: { readonly [Name in OptionName]?: string } = { registryCerts: certificates, pullAccount };

/** Variables that Node.js, the HTTP client and skopeo read themselves. */
const platform: readonly Parameter[] = [
  {
    name: "HTTPS_PROXY",
    description: "Proxy for HTTPS requests to the analysis endpoint and registries, as http://host:port.",
  },
  { name: "HTTP_PROXY", description: "Proxy for plain HTTP." },
  {
    name: "NO_PROXY",
    description: "Hosts that are reached without the proxy: names, .suffixes and addresses, separated by commas.",
    value: ".svc,.cluster.local",
  },
  {
    name: "NODE_EXTRA_CA_CERTS",
    description: "A file of CA certificates trusted in addition to Node.js' own. It is read once, at start.",
    value: `${certificates}/ca-bundle.crt`,
  },
];

const header = "# Written by `npm run docs` from src/config/options.ts and src/config/reference/config-template.ts.\n";

/** The file `openshift/config.yaml`: a Template with a ConfigMap for the settings, and a Secret, which the pod mounts, for the secret ones. */
export function renderConfigTemplate(): string {
  const settings = optionEntries.filter(([name]) => !settingsOfThePod.includes(name));
  const secrets = settings.filter(([, { secret }]) => secret);
  const plain = settings.filter(([, { secret }]) => !secret);
  const plainNames = [...plain.map(([, { env }]) => env), ...platform.map(({ name }) => name)];
  const template = {
    apiVersion: "template.openshift.io/v1",
    kind: "Template",
    metadata: {
      name: "build-watcher-config",
      annotations: {
        "openshift.io/display-name": "build-watcher, settings",
        description: "Every setting of the bot. An empty one counts as not set. The bot reads them when it starts.",
      },
    },
    labels: { app: "build-watcher" },
    message: "Settings that changed take effect with: oc rollout restart deployment/build-watcher",
    parameters: [...settings.map(([name, option]) => parameterOf(name, option)), ...platform],
    objects: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "build-watcher" },
        data: { ...references(plainNames), ...secretFiles(secrets.map(([, { env }]) => env)) },
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "build-watcher" },
        stringData: references(secrets.map(([, { env }]) => env)),
      },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "build-watcher-trusted-ca", labels: { "config.openshift.io/inject-trusted-cabundle": "true" } },
      },
    ],
  };
  return header + stringify(template, { lineWidth: 0 });
}

function parameterOf(name: OptionName, option: Option): Parameter {
  const { env, help, choices, orCommands } = option;
  const value = values[name] ?? defaultText(option);
  return {
    name: env,
    description: choices ? `${help} ${orCommands ? "Known" : "One of"}: ${choices.join(", ")}.` : help,
    ...(value !== undefined && { value }),
    ...(required.includes(name) && { required: true }),
  };
}

function secretFiles(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [fileVariable(name), `${secretDirectory}/${name}`]));
}

function references(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `\${${name}}`]));
}
