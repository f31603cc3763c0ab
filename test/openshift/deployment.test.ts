import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { createWorld } from "../support/bot.ts";
import { deploy } from "../support/deployed.ts";
import { type KubernetesObject, processTemplate } from "../support/templates.ts";

const { deployment, pod, container, environment, objects } = deploy();

function objectOf<T extends object>(kind: string): KubernetesObject & { readonly spec: T } {
  return objects.find((object) => object.kind === kind) as KubernetesObject & { readonly spec: T };
}

describe("the pod", () => {
  it("is accepted by the restricted-v2 security context constraint", () => {
    expect(pod.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(JSON.stringify(deployment)).not.toMatch(/runAsUser|runAsGroup|fsGroup|hostPath|hostNetwork|privileged/);
  });

  it("can write its ledger and /tmp, and nothing else", () => {
    const writable = container.volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
    expect(writable.sort()).toEqual([environment.TMPDIR, environment.BUILD_WATCHER_STATE_DIR].sort());
    const mounted = container.volumeMounts.map(({ name }) => name).sort();
    expect(pod.volumes.map(({ name }) => name).sort()).toEqual(mounted);
  });

  it("starts without the optional secrets and certificates", () => {
    const optional = pod.volumes.filter(({ name }) => !["state", "tmp", "secrets"].includes(name));
    for (const volume of optional) expect(JSON.stringify(volume)).toMatch(/"optional":true/);
    expect(optional.length).toBeGreaterThan(0);
  });

  it.each([
    ["registry-certs", "/etc/build-watcher/certificates"],
    ["source-login", "/etc/build-watcher/source-login"],
    ["destination-login", "/etc/build-watcher/destination-login"],
    ["track", "/etc/build-watcher/track"],
  ])("finds what is in build-watcher-%s in %s", (name, path) => {
    const mount = container.volumeMounts.find(({ mountPath }) => mountPath === path);
    const volume = pod.volumes.find((one) => one.name === mount?.name);
    expect(JSON.stringify(volume)).toContain(`"build-watcher-${name}"`);
  });

  it("keeps the ledger on a claimed volume", () => {
    const state = pod.volumes.find(({ name }) => name === "state");
    expect(state?.persistentVolumeClaim).toEqual({ claimName: objectOf("PersistentVolumeClaim").metadata.name });
  });

  it("claims it of the cluster's default storage class, or of the one by parameter", () => {
    const claimed = (parameters: Readonly<Record<string, string>>) =>
      deploy({}, parameters).objects.find(({ kind }) => kind === "PersistentVolumeClaim") as KubernetesObject & { spec: object };
    expect(claimed({}).spec).not.toHaveProperty("storageClassName");
    expect(claimed({ STORAGE_CLASS: "fast" }).spec).toHaveProperty("storageClassName", "fast");
  });

  it("runs as one at a time, and has longer to end than the bot takes", () => {
    expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    const { config } = loadConfig({ flags: {}, environment });
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.shutdownGrace);
  });

  it("asks for less than it may use", () => {
    const megabytes = (quantity: string) => Number(/^(\d+)Mi$/.exec(quantity)?.[1]);
    expect(megabytes(container.resources.requests.memory)).toBeLessThan(megabytes(container.resources.limits.memory));
  });

  it("runs a command that the source has", () => {
    const [program, script = ""] = container.command;
    expect(program).toBe("node");
    expect(existsSync(new URL(`../../${script.replace(/^dist\/(.*)\.js$/, "src/$1.ts")}`, import.meta.url))).toBe(true);
  });

  it("works as the account that the roles are bound to", () => {
    const rbac = processTemplate("rbac.yaml", { NAMESPACE: "bots", THOTH_WATCHED_NAMESPACE: "shop" });
    const account = rbac.find(({ kind }) => kind === "ServiceAccount");
    expect(account?.metadata).toMatchObject({ name: pod.serviceAccountName, namespace: "bots" });
  });
});

describe("the probes", () => {
  it.each(["startupProbe", "readinessProbe", "livenessProbe"] as const)(
    "%s asks what the bot answers, on its port",
    async (name) => {
      const { path, port } = container[name].httpGet;
      expect(container.ports.find((one) => one.name === port)?.containerPort).toBe(Number(environment.PORT));
      await using world = await createWorld();
      const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0" });
      const { url } = await bot.logged((line) => "url" in line);
      await bot.logged(({ msg }) => msg === "Builds listed; watching");
      expect((await fetch(`${url}${path}`)).status).toBe(200);
    },
  );

  it("restart the bot only if a restart can help", () => {
    expect(container.livenessProbe.httpGet.path).toBe("/livez");
    expect(container.startupProbe.httpGet.path).toBe("/livez");
    expect(container.readinessProbe.httpGet.path).toBe("/readyz");
  });

  it("follow the bot to a port of their own", () => {
    const moved = deploy({}, { BUILD_WATCHER_ADMIN_PORT: "8081", PROBE_PORT: "8081" });
    const { startupProbe, readinessProbe, livenessProbe } = moved.container;
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.port)).toEqual([8081, 8081, 8081]);
    expect(moved.environment.BUILD_WATCHER_ADMIN_PORT).toBe("8081");
    const service = moved.objects.find(({ kind }) => kind === "Service") as KubernetesObject & { spec: { ports: object[] } };
    expect(service.spec.ports).toEqual([{ name: "http", port: 8080, targetPort: 8081 }]);
  });

  it("are reached through the Service, on a port by parameter", () => {
    const moved = deploy({}, { PORT: "9090" });
    const service = moved.objects.find(({ kind }) => kind === "Service") as KubernetesObject & { spec: { ports: object[] } };
    expect(service.spec.ports).toEqual([{ name: "http", port: 9090, targetPort: "http" }]);
    expect(moved.container.ports).toEqual([{ name: "http", containerPort: 9090 }]);
    expect(moved.environment.PORT).toBe("9090");
  });
});

describe("the labels", () => {
  it("lead the Deployment and the Service to the pod, and the monitoring to the Service", () => {
    const { labels } = deployment.spec.template.metadata;
    expect(deployment.spec.selector.matchLabels).toEqual(labels);
    const service = objectOf<{ selector: object; ports: { name: string }[] }>("Service");
    expect(service.spec.selector).toEqual(labels);
    const [monitor] = processTemplate("monitoring.yaml", {
      RUNBOOKS: "https://git.example.com/operate.md",
    }) as (KubernetesObject & {
      spec: { selector: { matchLabels: object }; endpoints: { port: string }[] };
    })[];
    expect(service.metadata.labels).toMatchObject(monitor?.spec.selector.matchLabels ?? { none: "" });
    expect(service.spec.ports.map(({ name }) => name)).toContain(monitor?.spec.endpoints[0]?.port);
  });
});

describe("the image", () => {
  it("comes from the cluster's own registry before the trigger knows it: no other registry's image of that name can run", () => {
    expect(container.image).toBe("image-registry.openshift-image-registry.svc:5000/bots/build-watcher:latest");
  });

  it("is rolled out by a trigger as the image trigger controller reads it", () => {
    const triggers = JSON.parse(deployment.metadata.annotations?.["image.openshift.io/triggers"] ?? "") as unknown;
    const [stream] = processTemplate("imagestream.yaml");
    expect(triggers).toEqual([
      {
        from: { kind: "ImageStreamTag", name: `${stream?.metadata.name}:latest` },
        fieldPath: `spec.template.spec.containers[?(@.name=="${container.name}")].image`,
        paused: false,
      },
    ]);
  });

  it("is the one that the build pushes", () => {
    const [build] = processTemplate("buildconfig.yaml", { IMAGE_TAG: "next" }) as (KubernetesObject & {
      spec: { output: { to: object } };
    })[];
    const next = deploy({}, { IMAGE_TAG: "next" });
    expect(build?.spec.output.to).toEqual({ kind: "ImageStreamTag", name: "build-watcher:next" });
    expect(next.container.image).toMatch(/\/build-watcher:next$/);
    expect(next.deployment.metadata.annotations?.["image.openshift.io/triggers"]).toContain('"build-watcher:next"');
  });
});
