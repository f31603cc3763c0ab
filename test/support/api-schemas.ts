import { readFileSync } from "node:fs";
import { PrometheusRule, ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { Ajv, type ValidateFunction } from "ajv";
import { Deployment } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { KubernetesObject } from "./templates.ts";

type Schema = Readonly<Record<string, unknown>>;

/** From openshift/api's openapi.json, without its descriptions. */
const definitions = JSON.parse(
  readFileSync(new URL("../fixtures/openshift/api-schemas.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Schema>>;

const openshift = "com.github.openshift.api";
const kubernetes = "io.k8s.api";
const names: Readonly<Record<string, string>> = {
  "template.openshift.io/v1 Template": `${openshift}.template.v1.Template`,
  "image.openshift.io/v1 ImageStream": `${openshift}.image.v1.ImageStream`,
  "build.openshift.io/v1 BuildConfig": `${openshift}.build.v1.BuildConfig`,
  "v1 ConfigMap": `${kubernetes}.core.v1.ConfigMap`,
  "v1 Secret": `${kubernetes}.core.v1.Secret`,
  "v1 Service": `${kubernetes}.core.v1.Service`,
  "v1 ServiceAccount": `${kubernetes}.core.v1.ServiceAccount`,
  "v1 PersistentVolumeClaim": `${kubernetes}.core.v1.PersistentVolumeClaim`,
  "v1 PodTemplateSpec": `${kubernetes}.core.v1.PodTemplateSpec`,
  "rbac.authorization.k8s.io/v1 Role": `${kubernetes}.rbac.v1.Role`,
  "rbac.authorization.k8s.io/v1 RoleBinding": `${kubernetes}.rbac.v1.RoleBinding`,
  "rbac.authorization.k8s.io/v1 ClusterRole": `${kubernetes}.rbac.v1.ClusterRole`,
  "rbac.authorization.k8s.io/v1 ClusterRoleBinding": `${kubernetes}.rbac.v1.ClusterRoleBinding`,
};

const ajv = new Ajv({ allErrors: true, strict: false }).addSchema({
  $id: "api",
  definitions: Object.fromEntries(Object.entries(definitions).map(([name, schema]) => [name, closed(schema)])),
});

/** What this project uses of openshift/api's route/v1 (types.go), and nothing else. */
const route = {
  type: "object",
  additionalProperties: false,
  required: ["apiVersion", "kind", "metadata", "spec"],
  properties: {
    apiVersion: { const: "route.openshift.io/v1" },
    kind: { const: "Route" },
    metadata: { type: "object" },
    spec: {
      type: "object",
      additionalProperties: false,
      required: ["to"],
      properties: {
        host: { type: "string" },
        to: { type: "object", required: ["kind", "name"] },
        port: { type: "object", required: ["targetPort"] },
        tls: {
          type: "object",
          additionalProperties: false,
          required: ["termination"],
          properties: {
            termination: { enum: ["edge", "passthrough", "reencrypt"] },
            insecureEdgeTerminationPolicy: { enum: ["None", "Allow", "Redirect"] },
          },
        },
      },
    },
  },
};

const isRoute = ajv.compile(route);

/** What is wrong with an object by the schema of its kind, fields that the kind does not have included. */
export function schemaMistakes(object: KubernetesObject): readonly string[] {
  const { apiVersion, kind } = object;
  if (kind === "Deployment") return deploymentMistakes(object);
  if (kind === "NetworkPolicy") return thrown(() => new NetworkPolicy(object as never).validate());
  if (kind === "PodDisruptionBudget") return thrown(() => new PodDisruptionBudget(object as never).validate());
  if (kind === "PrometheusRule") return thrown(() => new PrometheusRule(object as never).validate());
  if (kind === "ServiceMonitor") return thrown(() => new ServiceMonitor(object as never).validate());
  if (kind === "Route") return mistakesIn(isRoute, object);
  return mistakesBy(`${apiVersion} ${kind}`, object);
}

/** kubernetes-models lets unknown fields pass; the pod, where most of them would be, is held against the strict schema, too. */
function deploymentMistakes(object: KubernetesObject): readonly string[] {
  const { template } = (object as KubernetesObject & { readonly spec: { readonly template: unknown } }).spec;
  return [...thrown(() => new Deployment(object as never).validate()), ...mistakesBy("v1 PodTemplateSpec", template)];
}

function mistakesBy(key: string, value: unknown): readonly string[] {
  const name = names[key];
  if (!name) return [`There is no schema for ${key}`];
  return mistakesIn(ajv.getSchema(`api#/definitions/${name}`), value);
}

function mistakesIn(validate: ValidateFunction | undefined, value: unknown): readonly string[] {
  if (validate === undefined) return ["There is no such schema"];
  validate(value);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** Objects with named fields have no others; a quantity or a port may be a number, too. */
function closed(schema: Schema): Schema {
  if (schema.properties !== undefined) return { ...schema, additionalProperties: false };
  return schema.type === "string" ? { ...schema, type: ["string", "number"] } : schema;
}

function thrown(validate: () => void): readonly string[] {
  try {
    validate();
    return [];
  } catch (error) {
    return [String(error)];
  }
}
