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
    readonly secretRef?: { readonly name: string };
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
  readonly volumes: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
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
  /** What the bot's process finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that was made. */
  readonly objects: readonly KubernetesObject[];
}

interface Settings extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

const needed = { THOTH_WATCHED_NAMESPACE: "shop", THOTH_USER_API_HOST: "user-api.example.com" };

/** What `config.yaml` and `deployment.yaml` make in the namespace `bots`; the parameters given to each are other than usual. */
export function deploy(
  config: Readonly<Record<string, string>> = {},
  deployment: Readonly<Record<string, string>> = {},
): Deployed {
  const settings: readonly Settings[] = processTemplate("config.yaml", { ...needed, ...config });
  const workload = processTemplate("deployment.yaml", { NAMESPACE: "bots", ...deployment });
  const objects = [...settings, ...workload];
  const found = workload.find(({ kind }) => kind === "Deployment") as Deployed["deployment"];
  const pod = found.spec.template.spec;
  const [container] = pod.containers;
  const named = (kind: string, name: string | undefined) =>
    settings.find((object) => object.kind === kind && object.metadata.name === name);
  const environment = {
    ...Object.assign({}, ...container.envFrom.map(({ configMapRef }) => named("ConfigMap", configMapRef?.name)?.data)),
    ...Object.assign({}, ...container.envFrom.map(({ secretRef }) => named("Secret", secretRef?.name)?.stringData)),
    ...Object.fromEntries(container.env.map(({ name, value }) => [name, value])),
  };
  return { deployment: found, pod, container, environment, objects };
}
