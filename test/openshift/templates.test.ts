import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderConfigTemplate } from "../../src/config/reference/config-template.ts";
import { buildSystems } from "../../src/sources/index.ts";
import { schemaMistakes } from "../support/api-schemas.ts";
import { type KubernetesObject, processTemplate, readTemplate, referencesIn, templateFiles } from "../support/templates.ts";

const needed: Readonly<Record<string, string>> = {
  NAMESPACE: "bots",
  THOTH_WATCHED_NAMESPACE: "shop",
  RUNBOOKS: "https://git.example.com/bots/docs/operate.md",
  THOTH_USER_API_HOST: "user-api.example.com",
};

function processed(file: string, further: Readonly<Record<string, string>> = {}): readonly KubernetesObject[] {
  const names = new Set(readTemplate(file).parameters?.map(({ name }) => name));
  const given = Object.entries(needed).filter(([name]) => names.has(name));
  return processTemplate(file, { ...Object.fromEntries(given), ...further });
}

describe("the templates", () => {
  it("are these", () => {
    expect(templateFiles).toEqual([
      "buildconfig.yaml",
      "config.yaml",
      "deployment-replicas.yaml",
      "deployment.yaml",
      "imagestream.yaml",
      "login-proxy.yaml",
      "monitoring.yaml",
      "networkpolicy.yaml",
      "rbac-cluster.yaml",
      ...buildSystems
        .slice(1)
        .flatMap(({ name }) => [`rbac-${name}-cluster.yaml`, `rbac-${name}.yaml`])
        .toSorted(),
      "rbac-writing-cluster.yaml",
      "rbac-writing.yaml",
      "rbac.yaml",
    ]);
  });

  it("of the settings is as the table of settings has it", () => {
    const actual = readFileSync(new URL("../../openshift/config.yaml", import.meta.url), "utf8");
    expect(actual, "openshift/config.yaml is not up to date: npm run docs").toBe(renderConfigTemplate());
  });
});

describe.each(templateFiles)("%s", (file) => {
  const template = readTemplate(file);
  const { parameters = [] } = template;

  it("is a Template", () => {
    expect(schemaMistakes(template as unknown as KubernetesObject)).toEqual([]);
  });

  it("declares every parameter it refers to, and refers to every one it declares", () => {
    expect([...referencesIn(template)].sort()).toEqual(parameters.map(({ name }) => name).sort());
  });

  it("describes every parameter, and requires only what has no default", () => {
    expect(parameters.filter(({ description }) => !description?.endsWith("."))).toEqual([]);
    const asked = parameters.filter(({ required, value }) => required && !value).map(({ name }) => name);
    expect(Object.keys(needed)).toEqual(expect.arrayContaining(asked));
  });

  it("gives parameters as texts, as the API wants them", () => {
    expect(parameters.filter(({ value }) => value !== undefined && typeof value !== "string")).toEqual([]);
  });

  it("makes objects that are valid by the schemas of their kinds", () => {
    const mistakes = processed(file).flatMap((object) => schemaMistakes(object).map((mistake) => `${object.kind}: ${mistake}`));
    expect(mistakes).toEqual([]);
  });

  it("leaves no parameter unfilled", () => {
    expect(JSON.stringify(processed(file))).not.toMatch(/\$\{\{?[A-Z_]+\}/);
  });

  it("labels everything, so that it can be removed together", () => {
    expect(processed(file).map(({ metadata }) => metadata.labels?.app)).toEqual(processed(file).map(() => "build-watcher"));
  });

  it("cannot be processed without required parameters, or with unknown ones", () => {
    const [asked] = parameters.filter(({ required, value }) => required && !value);
    if (asked) expect(() => processTemplate(file)).toThrow(`parameter ${asked.name} is required`);
    expect(() => processed(file, { QUOKKA: "1" })).toThrow('unknown parameter name "QUOKKA"');
  });
});

describe("buildconfig.yaml", () => {
  const strategyOf = (further: Readonly<Record<string, string>>) => {
    const [object] = processed("buildconfig.yaml", further) as readonly (KubernetesObject & { spec: object })[];
    expect(object && schemaMistakes(object)).toEqual([]);
    return object?.spec;
  };

  it("builds the Dockerfile from the sent source by default", () => {
    expect(strategyOf({})).toMatchObject({
      source: { binary: {} },
      strategy: { dockerStrategy: { from: { kind: "DockerImage", name: expect.stringContaining("nodejs-24-minimal") } } },
    });
  });

  it("builds with s2i, and from a git repository, by its parameters", () => {
    const spec = strategyOf({
      BUILD_STRATEGY: "source",
      BUILD_IMAGE: "registry.access.redhat.com/ubi9/nodejs-24:latest",
      BUILD_SOURCE: '{"git":{"uri":"https://git.example.com/bots/build-watcher.git","ref":"main"}}',
    });
    expect(spec).toMatchObject({
      source: { git: { uri: "https://git.example.com/bots/build-watcher.git", ref: "main" } },
      strategy: { sourceStrategy: { from: { name: "registry.access.redhat.com/ubi9/nodejs-24:latest" } } },
    });
  });
});

describe("login-proxy.yaml", () => {
  interface Sidecar {
    readonly args: readonly string[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }
  const objects = processed("login-proxy.yaml", { NAMESPACE: "bots", PORT: "9090", PUBLIC_HOST: "bot.example.com" });
  const [account, service, route, deployment] = objects as unknown as readonly [
    KubernetesObject,
    KubernetesObject & { spec: { ports: readonly { name: string }[] } },
    KubernetesObject & { spec: { host?: string; to: object; port: { targetPort: string }; tls: object } },
    KubernetesObject & {
      spec: {
        selector: object;
        template: {
          metadata: object;
          spec: { containers: readonly Sidecar[]; volumes: readonly { name: string; secret: { secretName: string } }[] };
        };
      };
    },
  ];
  const { containers, volumes } = deployment.spec.template.spec;

  it("is led by its Route alone, with TLS all the way", () => {
    const [reference = "{}"] = Object.values(account.metadata.annotations ?? {});
    expect(JSON.parse(reference).reference).toEqual({ kind: route.kind, name: route.metadata.name });
    expect(route.spec).toMatchObject({
      host: "bot.example.com",
      to: { kind: "Service", name: service.metadata.name },
      port: { targetPort: service.spec.ports[0]?.name },
      tls: { termination: "reencrypt", insecureEdgeTerminationPolicy: "Redirect" },
    });
    const [, , chosen] = processed("login-proxy.yaml") as unknown as readonly [never, never, { spec: object }];
    expect(chosen.spec).not.toHaveProperty("host");
  });

  it("lets in people with a right in the bot's namespace, and leads to the bot in its own pod", () => {
    const args = containers[0]?.args ?? [];
    const [, review = ""] = args.map((arg) => /^--openshift-sar=(.*)$/.exec(arg)).find(Boolean) ?? [];
    expect(JSON.parse(review)).toEqual({ namespace: "bots", resource: "pods", verb: "create" });
    expect(args).toContain("--upstream=http://127.0.0.1:9090");
    expect(args, "no login without TLS").toContain("--http-address=");
  });

  it("finds its certificate and its cookie's key where they are mounted", () => {
    const mounts = containers[0]?.volumeMounts ?? [];
    expect(mounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
    const files = containers[0]?.args.flatMap((arg) => /=(\/etc\/.*)\/[^/]+$/.exec(arg)?.[1] ?? []) ?? [];
    expect(new Set(files)).toEqual(new Set(mounts.map(({ mountPath }) => mountPath)));
    expect(volumes.map(({ secret }) => secret.secretName)).toContain(
      service.metadata.annotations?.["service.beta.openshift.io/serving-cert-secret-name"],
    );
  });

  it("adds to the bot's Deployment and account, and changes nothing of them", () => {
    const [, , own] = processed("deployment.yaml") as unknown as readonly [never, never, typeof deployment];
    expect(deployment.metadata).toMatchObject({ name: own.metadata.name });
    expect(deployment.spec.selector).toEqual(own.spec.selector);
    expect(Object.keys(deployment.spec).sort()).toEqual(["selector", "template"]);
    const names = (pod: typeof deployment) =>
      [...pod.spec.template.spec.containers, ...pod.spec.template.spec.volumes] as { name?: string }[];
    const taken = names(own).map(({ name }) => name);
    for (const { name } of names(deployment)) expect(taken).not.toContain(name);
  });
});

describe("networkpolicy.yaml", () => {
  interface Rule {
    readonly from?: readonly object[];
    readonly to?: readonly object[];
    readonly ports?: readonly { readonly port: number | string }[];
  }
  const rulesOf = (further: Readonly<Record<string, string>> = {}) => {
    const [policy] = processed("networkpolicy.yaml", further) as readonly [
      KubernetesObject & { spec: { podSelector: object; ingress: readonly Rule[]; egress: readonly Rule[] } },
    ];
    return policy.spec;
  };

  it("names peers and ports in every rule, since none would mean everybody", () => {
    const { podSelector, ingress, egress } = rulesOf();
    expect(podSelector).toEqual({ matchLabels: { app: "build-watcher" } });
    for (const { from, to, ports } of [...ingress, ...egress]) {
      expect((from ?? to)?.length).toBeGreaterThan(0);
      expect(ports?.length).toBeGreaterThan(0);
    }
  });

  it("lets monitoring and probes reach the port of the probes, and no pods of other projects the page", () => {
    const { ingress } = rulesOf({ PROBE_PORT: "8081" });
    expect(ingress[0]?.ports).toEqual([{ port: 8081 }]);
    expect(ingress.filter(({ ports }) => ports?.some(({ port }) => port === "http"))).toMatchObject([
      { from: [{ podSelector: {} }] },
    ]);
  });

  it("lets the bot reach DNS, the API server, registries, the endpoint and a database, and no metadata service", () => {
    const { egress } = rulesOf();
    expect(egress.map(({ ports }) => ports?.map(({ port }) => port))).toEqual([[5353, 5353], [6443], [5000], [443], [5432]]);
    expect(JSON.stringify(egress[3]?.to)).toContain("169.254.0.0/16");
    const outside = '[{"ipBlock":{"cidr":"10.1.2.3/32"}}]';
    const moved = rulesOf({ DATABASE: outside, DATABASE_PORT: "6432" }).egress[4];
    expect(moved).toEqual({ to: JSON.parse(outside), ports: [{ port: 6432 }] });
  });
});

describe("the schemas", () => {
  it.each([
    ["a misspelt field", { spec: { template: { spec: { containers: [{ name: "a", livenesProbe: {} }] } } } }, /livenesProbe/],
    ["a text for a number", { spec: { template: { spec: { terminationGracePeriodSeconds: "45" } } } }, /terminationGrace/],
  ])("find %s", (_, wrong, mistake) => {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, ...wrong };
    expect(schemaMistakes(deployment).join("\n")).toMatch(mistake);
  });
});
