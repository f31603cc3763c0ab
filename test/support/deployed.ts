import { type KubernetesObject, processTemplate } from "./templates.ts";

interface Variable {
  readonly name: string;
  readonly value: string;
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env: readonly Variable[];
  readonly envFrom: readonly {
    readonly configMapRef?: { readonly name: string };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: Readonly<Record<"requests" | "limits", Readonly<Record<"cpu" | "memory", string>>>>;
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly [Container];
  readonly volumes: readonly ({ readonly name: string; readonly secret?: { readonly secretName: string } } & Readonly<
    Record<string, unknown>
  >)[];
}

export interface Deployed {
  readonly deployment: KubernetesObject & {
    readonly spec: {
      readonly strategy: object;
      readonly replicas: number;
      readonly selector: { readonly matchLabels: object };
      readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
    };
  };
  readonly pod: PodSpec;
  readonly container: Container;
  /** What the bot's process finds in its environment; `X_FILE` is `X` with what the mounted file holds. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that was made. */
  readonly objects: readonly KubernetesObject[];
}

interface Settings extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

const needed = { THOTH_WATCHED_NAMESPACE: "shop", THOTH_USER_API_HOST: "user-api.example.com" };

/** What `config.yaml` and a template of the Deployment make in the namespace `bots`; the parameters given to each are other than usual. */
export function deploy(
  config: Readonly<Record<string, string>> = {},
  deployment: Readonly<Record<string, string>> = {},
  template: "deployment.yaml" | "deployment-replicas.yaml" = "deployment.yaml",
): Deployed {
  const settings: readonly Settings[] = processTemplate("config.yaml", { ...needed, ...config });
  const workload = processTemplate(template, { NAMESPACE: "bots", ...deployment });
  const objects = [...settings, ...workload];
  const found = workload.find(({ kind }) => kind === "Deployment") as Deployed["deployment"];
  const pod = found.spec.template.spec;
  const [container] = pod.containers;
  const named = (kind: string, name: string | undefined) =>
    settings.find((object) => object.kind === kind && object.metadata.name === name);
  const given: Readonly<Record<string, string>> = {
    ...Object.assign({}, ...container.envFrom.map(({ configMapRef }) => named("ConfigMap", configMapRef?.name)?.data)),
    ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
  };
  const secret = named("Secret", pod.volumes.find(({ name }) => name === "secrets")?.secret?.secretName)?.stringData ?? {};
  const mounted = container.volumeMounts.find(({ name }) => name === "secrets")?.mountPath;
  const environment = Object.fromEntries(Object.entries(given).map((entry) => readMounted(entry, `${mounted}/`, secret)));
  return { deployment: found, pod, container, environment, objects };
}

/** A variable that names a file of the mounted Secret, as the variable whose value the file holds. */
function readMounted(
  [name, value]: readonly [string, string],
  directory: string,
  secret: Readonly<Record<string, string>>,
): readonly [string, string] {
  if (!value.startsWith(directory)) return [name, value];
  const text = secret[value.slice(directory.length)];
  if (text === undefined) throw new Error(`${name} names ${value}, which the Secret does not hold`);
  return [name.replace(/_FILE$/, ""), text];
}
