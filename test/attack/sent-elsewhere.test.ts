import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ImageCopierSettings } from "../../src/registry/skopeo/skopeo-copier.ts";
import { createHostTrust, createSourceCheck, type HostTrustSettings } from "../../src/registry/trust/host-trust.ts";
import { openTestCopier, type TestCopier } from "../support/copier.ts";
import { type Oddity, type OddRegistry, replies, startOddRegistry } from "../support/odd-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { makeCertificates, type RegistryServer, startRegistry, type TestCertificates } from "../support/registry-server.ts";

const inPod: HostTrustSettings = {
  inPod: true,
  apiServer: ["172.30.0.1", "api.cluster.example.com"],
  named: ["quay.quay.svc:8443", "127.0.0.1:5000"],
  sources: [],
  isOwnRegistry: (host) => host.startsWith("image-registry.openshift-image-registry.svc"),
};
const outside: HostTrustSettings = { ...inPod, inPod: false, named: [] };

function judged(url: string, settings: HostTrustSettings, publicOnly = false): "goes" | "refuses" {
  try {
    createHostTrust(settings, Date.now).judge(new URL(url), publicOnly);
    return "goes";
  } catch {
    return "refuses";
  }
}

describe("a host that somebody else names", () => {
  it.each([
    // Where                                        in a pod   outside    led there by a public registry
    ["https://quay.io/v2/", "goes", "goes", "goes"],
    ["https://registry.corp.example/v2/", "goes", "goes", "goes"],
    ["https://10.1.2.3:5000/v2/", "goes", "goes", "refuses"],
    ["https://[fd00::5]:5000/v2/", "goes", "goes", "refuses"],
    ["https://93.184.216.34/v2/", "goes", "goes", "goes"],
    ["https://image-registry.openshift-image-registry.svc:5000/v2/", "goes", "goes", "goes"],
    ["https://quay.quay.svc:8443/v2/", "goes", "goes", "goes"],
    ["https://quay.quay.svc/v2/", "refuses", "goes", "refuses"],
    ["https://prometheus.monitoring.svc.cluster.local/", "refuses", "goes", "refuses"],
    ["https://kubernetes.default/api", "refuses", "goes", "refuses"],
    ["https://kubernetes.default.svc./api", "refuses", "goes", "refuses"],
    ["https://172.30.0.1/api", "refuses", "goes", "refuses"],
    ["https://api.cluster.example.com:6443/api", "refuses", "goes", "refuses"],
    ["https://localhost:8080/", "refuses", "goes", "refuses"],
    ["https://127.0.0.1:5000/v2/", "goes", "goes", "goes"],
    ["https://127.0.0.1:8080/", "refuses", "goes", "refuses"],
    ["https://127.8.9.1/", "refuses", "goes", "refuses"],
    ["https://0x7f.1:8080/", "refuses", "goes", "refuses"],
    ["https://0.0.0.0:8080/", "refuses", "goes", "refuses"],
    ["https://[::1]:8080/", "refuses", "goes", "refuses"],
    ["https://[::ffff:127.0.0.1]:8080/", "refuses", "goes", "refuses"],
    ["https://[64:ff9b::7f00:1]:8080/", "refuses", "goes", "refuses"],
    ["http://169.254.169.254/latest/meta-data", "refuses", "refuses", "refuses"],
    ["http://2852039166/latest/meta-data", "refuses", "refuses", "refuses"],
    ["http://[::ffff:a9fe:a9fe]/", "refuses", "refuses", "refuses"],
    ["http://[64:ff9b::a9fe:a9fe]/", "refuses", "refuses", "refuses"],
    ["http://[64:ff9b:1::a9fe:a9fe]/", "refuses", "refuses", "refuses"],
    ["http://[::169.254.169.254]/", "refuses", "refuses", "refuses"],
    ["http://[2002:a9fe:a9fe::]/", "refuses", "refuses", "refuses"],
    ["http://[fe80::1]/", "refuses", "refuses", "refuses"],
    ["http://[fd00:ec2::254]/", "refuses", "refuses", "refuses"],
    ["http://168.63.129.16/", "refuses", "refuses", "refuses"],
    ["http://100.100.100.200/", "refuses", "refuses", "refuses"],
    ["http://metadata.google.internal/", "refuses", "goes", "refuses"],
    ["http://255.255.255.255/", "refuses", "refuses", "refuses"],
  ])("%s: the bot %s there in a pod and %s outside of one; where a public registry leads, it %s", (url, pod, machine, led) => {
    expect([judged(url, inPod), judged(url, outside), judged(url, inPod, true)]).toEqual([pod, machine, led]);
  });

  it("is no source of images when the operator named others", () => {
    const mayBeSource = createSourceCheck({ ...inPod, sources: ["quay.io", "*.corp.example"] });
    const hosts = [
      "quay.io",
      "registry.corp.example",
      "image-registry.openshift-image-registry.svc:5000",
      "docker.io",
      "quay.io.evil.example",
    ];
    expect(hosts.filter(mayBeSource)).toEqual(hosts.slice(0, 3));
  });
});

describe("a host's addresses", () => {
  type Answers = Readonly<Record<string, readonly string[]>>;

  function trustFinding(answers: Answers, settings = inPod) {
    const find = async (host: string) => {
      const found = answers[host];
      if (!found) throw new Error("ENOTFOUND");
      return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    };
    return createHostTrust(settings, Date.now, find);
  }

  const outcome = async (trust: ReturnType<typeof trustFinding>, url: string, publicOnly = false) =>
    trust.resolve(new URL(url), publicOnly).then(
      () => "goes",
      () => "refuses",
    );

  it.each<[string, Answers, string]>([
    ["public ones", { "r.example": ["93.184.216.34"] }, "goes"],
    ["a company's own", { "r.example": ["10.0.0.5"], "r.example.": ["10.0.0.5"] }, "goes"],
    ["the pod's loopback", { "r.example": ["127.0.0.1"] }, "refuses"],
    ["the metadata service", { "r.example": ["169.254.169.254"] }, "refuses"],
    ["the API server's", { "r.example": ["172.30.0.1"], "r.example.": ["172.30.0.1"] }, "refuses"],
    ["a service of the namespace that its last label names", { "r.example": ["172.30.9.9"] }, "refuses"],
    ["such a service, and somebody's outside", { "r.example": ["172.30.9.9"], "r.example.": ["10.0.0.5"] }, "refuses"],
    ["none", {}, "goes"],
  ])("that are %s decide in a pod", async (_, answers, expected) => {
    expect(await outcome(trustFinding(answers), "https://r.example/v2/")).toBe(expected);
  });

  it("may not turn private once they were public", async () => {
    const answers: Record<string, readonly string[]> = { "r.example": ["93.184.216.34", "10.0.0.5"] };
    const trust = trustFinding(answers, outside);
    expect(await outcome(trust, "https://r.example/v2/")).toBe("goes");
    answers["r.example"] = ["10.0.0.5"];
    expect(await outcome(trust, "https://r.example/v2/")).toBe("refuses");
  });

  it("must be public where a public registry leads", async () => {
    const trust = trustFinding({ "auth.example": ["10.0.0.5"], "cdn.example": ["93.184.216.34"] }, outside);
    expect(await outcome(trust, "https://auth.example/token", true)).toBe("refuses");
    expect(await outcome(trust, "https://cdn.example/token", true)).toBe("goes");
  });
});

describe("a registry's login", () => {
  it.each([
    ["quay.io", "quay.io", true],
    ["docker.io", "auth.docker.io", true],
    ["registry.example.com:5000", "gitlab.example.com", true],
    ["registry.example.co.uk", "auth.example.co.uk", true],
    ["registry.example.co.uk", "thief.co.uk", false],
    ["registry.redhat.io", "sso.redhat.com", true],
    ["quay.example.com", "sso.example.org", false],
    ["nvcr.io", "authn.nvidia.com", true],
    ["shop.azurecr.io", "thief.azurecr.io", false],
    ["shop.jfrog.io", "thief.jfrog.io", false],
    ["europe-west1-docker.pkg.dev", "thief-docker.pkg.dev", false],
    ["registry.gitlab.com", "gitlab.com", true],
    ["registry.example.com", "gitlab.example.org", false],
    ["123.dkr.ecr.eu-west-1.amazonaws.com", "thief.s3.amazonaws.com", false],
    ["image-registry.openshift-image-registry.svc:5000", "image-registry.openshift-image-registry.svc:5000", true],
    ["nexus.tools.svc:8082", "thief.tools.svc", false],
    ["nexus.tools.svc.cluster.local", "thief.shop.svc.cluster.local", false],
    ["10.0.0.5:5000", "10.0.0.5:5001", true],
    ["10.0.0.5:5000", "10.0.0.6", false],
    ["registry", "auth", false],
    ["quay.example.com", "example.com.thief.example", false],
  ])("of %s may go to %s: %s", (registry, service, expected) => {
    expect(createHostTrust(outside, Date.now).isTokenService(registry, new URL(`https://${service}/token`))).toBe(expected);
  });

  it("goes to a token service elsewhere when the operator named that", () => {
    const trust = createHostTrust({ ...outside, named: ["sso.example.org"] }, Date.now);
    expect(trust.isTokenService("quay.example.com", new URL("https://sso.example.org/token"))).toBe(true);
  });
});

requirePrograms(
  "skopeo",
  "docker-registry",
  "openssl",
)("a copy", () => {
  const login = { user: "robot", password: "pu5h-S3cret" };
  let certificates: TestCertificates;
  let plain: RegistryServer;
  let registry: OddRegistry;
  let elsewhere: OddRegistry;
  let copier: TestCopier;

  beforeAll(async () => {
    certificates = makeCertificates();
    plain = await startRegistry();
  });
  afterAll(async () => {
    await plain.close();
    certificates.remove();
  });
  beforeEach(async () => {
    [registry, elsewhere] = await Promise.all([startOddRegistry({ tls: certificates }), startOddRegistry()]);
  });
  afterEach(async () => {
    await Promise.all([copier.remove(), registry[Symbol.asyncDispose](), elsewhere[Symbol.asyncDispose]()]);
  });

  async function open(settings: Partial<ImageCopierSettings>, hosts: Partial<HostTrustSettings> = {}): Promise<void> {
    copier = await openTestCopier({
      pushRegistry: `${plain.host}/copies`,
      certsDirectory: certificates.caDirectory,
      hosts: { ...outside, ...hosts },
      ...settings,
    });
  }

  const challenge = (realm: string): Oddity => replies("GET", /./, 401, "{}", { "WWW-Authenticate": `Bearer realm="${realm}"` });

  /** The copy failed at once and for good, skopeo was never started, and nobody elsewhere heard of it. */
  async function expectRefused(name: string, message: RegExp): Promise<void> {
    const copy = copier.copyNamed(name);
    await expect(copy).rejects.toThrow(message);
    await expect(copy).rejects.toMatchObject({ reason: "RegistryUntrusted", retryable: false });
    expect(copier.reports.map(({ kind }) => kind)).toEqual(["ended"]);
    expect(elsewhere.asked).toEqual([]);
  }

  it("whose push registry names its token service by http ends before the login leaves", async () => {
    registry.oddity = (...request) => {
      const head = replies("HEAD", /./, 401, "", { "WWW-Authenticate": `Bearer realm="${elsewhere.url}/steal"` });
      return head(...request) || challenge(`${elsewhere.url}/steal`)(...request);
    };
    await open({ pushRegistry: `${registry.host}/copies`, destination: login, destinationVerifyTls: true });
    await expectRefused(await plain.push("shop/app", makeImage()), /names its token service by http .*external URL/);
    expect(registry.logins.filter(Boolean)).toEqual([]);
  });

  it("whose source sends its login to another's token service ends as well", async () => {
    registry.oddity = challenge(`https://localhost:${elsewhere.host.split(":")[1]}/steal`);
    await open({ source: login, sourceVerifyTls: true });
    await expectRefused(registry.put("shop/app", makeImage()), /sends logins to localhost:\d+, .*BUILD_WATCHER_TRUSTED_HOSTS/);
    expect(registry.logins.filter(Boolean)).toEqual([]);
  });

  it("is not sent into the pod by a token service, a redirect or its own name", async () => {
    const named = [registry.host, plain.host];
    const name = registry.put("shop/app", makeImage());
    const inside = /The bot does not connect to (127\.0\.0\.1|localhost): it is this machine's or the cluster's own/;
    await open({ sourceVerifyTls: true }, { inPod: true, named });
    registry.oddity = challenge(`https://${elsewhere.host}/latest/meta-data`);
    await expectRefused(name, inside);
    await copier.remove();

    await open({ sourceVerifyTls: true }, { inPod: true, named });
    registry.oddity = replies("GET", /manifests/, 302, "", { Location: `https://${elsewhere.host}/latest/meta-data` });
    await expectRefused(name, inside);
    await copier.remove();

    await open({}, { inPod: true, named: [plain.host] });
    await expectRefused(name.replace("127.0.0.1", "localhost"), inside);
  });

  it("follows no redirect from https to http", async () => {
    registry.oddity = replies("GET", /manifests/, 307, "", { Location: `${elsewhere.url}/v2/shop/app/manifests/latest` });
    await open({ sourceVerifyTls: true });
    await expectRefused(registry.put("shop/app", makeImage()), /redirects from https to http/);
  });

  it("takes a redirect to another host without the login", async () => {
    const image = makeImage();
    const target = await startOddRegistry({ tls: certificates });
    target.put("shop/app", image);
    registry.oddity = (request, response, url) => {
      if (request.headers.authorization === undefined) return challengeBasic(request, response, url);
      return replies("GET", /manifests/, 307, "", { Location: `${target.url}/v2/shop/app/manifests/${image.digest}` })(
        request,
        response,
        url,
      );
    };
    await open({ source: login, sourceVerifyTls: true });
    await copier.copyNamed(registry.put("shop/app", image)).catch(() => undefined);
    expect(registry.logins.some(Boolean)).toBe(true);
    expect(target.asked).not.toEqual([]);
    expect(target.logins.filter(Boolean)).toEqual([]);
    await target[Symbol.asyncDispose]();
  });
  const challengeBasic = replies("GET", /./, 401, "{}", { "WWW-Authenticate": 'Basic realm="x"' });

  it("comes from no registry that the operator left out", async () => {
    await open({ sourceVerifyTls: true }, { sources: ["quay.io"] });
    await expectRefused(registry.put("shop/app", makeImage()), /not among the registries .*BUILD_WATCHER_SOURCE_REGISTRIES/);
    expect(registry.asked).toEqual([]);
  });
});
