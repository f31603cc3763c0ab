import { describe, expect, it } from "vitest";
import { databaseSource } from "../../src/app/settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { deploy, type PodSpec } from "../support/deployed.ts";
import { readTemplate } from "../support/templates.ts";

const one = deploy();
const several = deploy({}, {}, "deployment-replicas.yaml");
const pathOfSecrets = "/etc/build-watcher/database";

interface Projection {
  readonly secret: { readonly name: string; readonly optional?: boolean; readonly items: readonly object[] };
}

/** The Secrets that are mounted where the bot looks for its database. */
function databaseSecrets({ pod, container }: Pick<typeof several, "pod" | "container">): readonly Projection[] {
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === pathOfSecrets);
  const volume = pod.volumes.find(({ name }) => name === mount?.name) as { projected?: { sources: Projection[] } } | undefined;
  return volume?.projected?.sources ?? [];
}

describe("several replicas", () => {
  it("are so many as the parameter says, replaced one by one and never all gone", () => {
    expect(several.deployment.spec).toMatchObject({
      replicas: 2,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    expect(deploy({}, { REPLICAS: "5" }, "deployment-replicas.yaml").deployment.spec.replicas).toBe(5);
    const { matchLabels } = several.deployment.spec.selector;
    const budget = several.objects.find(({ kind }) => kind === "PodDisruptionBudget");
    expect(budget).toMatchObject({ spec: { maxUnavailable: 1, selector: { matchLabels } } });
  });

  it("are spread over nodes and zones, but run where there is only one", () => {
    const { matchLabels } = several.deployment.spec.selector;
    const { topologySpreadConstraints } = several.pod as PodSpec & { topologySpreadConstraints: readonly object[] };
    const rule = { maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels } };
    expect(topologySpreadConstraints).toEqual([
      expect.objectContaining({ ...rule, topologyKey: "kubernetes.io/hostname" }),
      expect.objectContaining({ ...rule, topologyKey: "topology.kubernetes.io/zone" }),
    ]);
  });

  it("claim no volume: each has an empty directory", () => {
    expect(several.objects.map(({ kind }) => kind)).not.toContain("PersistentVolumeClaim");
    expect(several.pod.volumes.find(({ name }) => name === "state")).toEqual({ name: "state", emptyDir: { sizeLimit: "1Gi" } });
  });

  it.each([
    ["of your own", {}, "build-watcher-database", "build-watcher-database"],
    ["of CloudNativePG", { DATABASE_SECRET: "bots-app", DATABASE_CA_SECRET: "bots-ca" }, "bots-app", "bots-ca"],
    [
      "of Crunchy",
      { DATABASE_SECRET: "bots-pguser-bot", DATABASE_CA_SECRET: "bots-cluster-cert" },
      "bots-pguser-bot",
      "bots-cluster-cert",
    ],
  ])("find their database in a Secret %s, as files", (_, parameters, url, ca) => {
    expect(databaseSecrets(deploy({}, parameters, "deployment-replicas.yaml"))).toEqual([
      { secret: { name: url, items: [{ key: "uri", path: "uri" }] } },
      { secret: { name: ca, optional: true, items: [{ key: "ca.crt", path: "ca.crt" }] } },
    ]);
    const { environment } = several;
    expect(environment.BUILD_WATCHER_DATABASE_URL_FILE).toBe(`${pathOfSecrets}/uri`);
    expect(environment.BUILD_WATCHER_DATABASE_CA).toBe(`${pathOfSecrets}/ca.crt`);
  });

  it("read that file again when a password was renewed", () => {
    const { BUILD_WATCHER_DATABASE_URL_FILE: file = "", ...environment } = several.environment;
    const url = "postgresql://app:hush@db/bot";
    const { config } = loadConfig({ flags: {}, environment: { ...environment, BUILD_WATCHER_DATABASE_URL: url } });
    expect(databaseSource(config, { BUILD_WATCHER_DATABASE_URL_FILE: file })).toEqual({
      url,
      file,
      ca: `${pathOfSecrets}/ca.crt`,
    });
  });

  it("need no CA certificates where a public authority signed", () => {
    const { environment } = deploy({}, { BUILD_WATCHER_DATABASE_CA: "" }, "deployment-replicas.yaml");
    expect(environment.BUILD_WATCHER_DATABASE_CA).toBe("");
  });

  it("differ from the one bot in nothing else", () => {
    const common = ({ pod, container }: Pick<typeof one, "pod" | "container">) => {
      const { topologySpreadConstraints, ...rest } = pod as PodSpec & { topologySpreadConstraints?: unknown };
      const own = ["state", "database"];
      return {
        ...rest,
        volumes: pod.volumes.filter(({ name }) => !own.includes(name)),
        containers: [
          {
            ...container,
            env: container.env.filter(({ name }) => !name.startsWith("BUILD_WATCHER_DATABASE")),
            volumeMounts: container.volumeMounts.filter(({ name }) => name !== "database"),
          },
        ],
      };
    };
    expect(common(several)).toEqual(common(one));
    expect(several.deployment.metadata).toEqual(one.deployment.metadata);
    const serviceOf = ({ objects }: typeof one) => objects.find(({ kind }) => kind === "Service");
    expect(serviceOf(several)).toEqual(serviceOf(one));
    const shared = (file: string) => {
      const known = new Set(readTemplate("deployment-replicas.yaml").parameters?.map(({ name }) => name));
      return readTemplate(file).parameters?.filter(({ name }) => known.has(name) && name !== "BUILD_WATCHER_STATE_DIR");
    };
    expect(readTemplate("deployment-replicas.yaml").parameters).toEqual(expect.arrayContaining(shared("deployment.yaml") ?? []));
  });
});
