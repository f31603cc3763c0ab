import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Option, type OptionName, optionEntries, options } from "../../src/config/options.ts";
import { defaultText, formatValue, parseValue, type Value } from "../../src/config/parse-value.ts";

const minute = 60_000;

describe("parseValue", () => {
  it.each<[OptionName, string, Value]>([
    ["passToken", "1", true],
    ["passToken", "TRUE", true],
    ["passToken", "yes", true],
    ["passToken", "0", false],
    ["passToken", "False", false],
    ["passToken", "no", false],
    ["workers", "16", 16],
    ["jobTimeout", "90", 90_000],
    ["jobTimeout", "90s", 90_000],
    ["jobTimeout", "15m", 15 * minute],
    ["jobTimeout", "72h", 72 * 60 * minute],
    ["jobTimeout", "30d", 30 * 24 * 60 * minute],
    ["jobTimeout", "1h30m", 90 * minute],
    ["jobTimeout", "1.5h", 90 * minute],
    ["jobTimeout", "250ms", 250],
    ["shutdownGrace", "0", 0],
    ["buildLogLimit", "4194304", 4_194_304],
    ["buildLogLimit", "4MiB", 4_194_304],
    ["buildLogLimit", "4Mi", 4_194_304],
    ["buildLogLimit", "4mib", 4_194_304],
    ["buildLogLimit", "4MB", 4_000_000],
    ["buildLogLimit", "1.5k", 1_500],
    ["namespaces", " a, b ,,a,", ["a", "b"]],
    ["namespaces", "*", ["*"]],
    ["track", "ray,default/ray-example", ["ray", "default/ray-example"]],
    ["environmentType", "Runtime", "runtime"],
    ["analysisHost", "user-api.example.com", "user-api.example.com"],
    ["analysisHost", "localhost:8080/api/v1", "localhost:8080/api/v1"],
    ["analysisHost", "http://[::1]:8080/", "http://[::1]:8080/"],
    ["pushRegistry", "quay.io/organisation/", "quay.io/organisation"],
    ["pushRegistry", "registry:5000", "registry:5000"],
    [
      "registryRoute",
      "default-route-openshift-image-registry.apps.example.com",
      "default-route-openshift-image-registry.apps.example.com",
    ],
    ["clusterUrl", "https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc.cluster.local"],
    ["labelSelector", "app=web,tier in (a, b)", "app=web,tier in (a, b)"],
  ])("reads %s from %j", (name, text, value) => {
    expect(parseValue(options[name], text)).toEqual({ value });
  });

  it.each<[OptionName, string, RegExp]>([
    ["passToken", "maybe", /1, 0, true or false/],
    ["workers", "0", /at least 1, at most 256/],
    ["workers", "257", /at most 256/],
    ["workers", "2.5", /whole number/],
    ["workers", "0x10", /whole number/],
    ["jobTimeout", "soon", /such as 90 \(seconds\).*at least 1ms/],
    ["jobTimeout", "-5m", /a duration/],
    ["jobTimeout", "0", /at least 1ms/],
    ["jobTimeout", "5 minutes", /a duration/],
    ["jobTimeout", "9".repeat(30), /a duration/],
    ["buildLogLimit", "4 apples", /a size such as/],
    ["buildLogLimit", "0", /at least 1/],
    ["environmentType", "test", /runtime or buildtime/],
    ["namespaces", "Good", /names of namespaces/],
    ["namespaces", "team-*", /\* alone/],
    ["namespaces", "a,b/c", /names of namespaces/],
    ["track", "a/b/c", /\[namespace\/\]name/],
    ["track", "Upper", /\[namespace\/\]name/],
    ["analysisHost", "ftp://example.com", /https:\/\//],
    ["analysisHost", "https://user:word@example.com", /without credentials/],
    ["analysisHost", "--no-tls-verify", /host\[:port\]/],
    ["analysisHost", "example.com:99999", /host\[:port\]/],
    ["analysisHost", "example.com/?x=1", /without .*query/],
    ["clusterUrl", "kubernetes.default.svc", /begins with https:\/\//],
    ["pushRegistry", "https://quay.io/organisation", /without scheme.*host\[:port\]\[\/path\]/],
    ["pushRegistry", "docker://quay.io/organisation", /without scheme/],
    ["pushRegistry", "quay.io/Organisation", /lower case/],
    ["registryRoute", "https://registry.example.com", /without scheme.*host\[:port\]/],
    ["registryRoute", "registry.example.com/path", /host\[:port\]/],
    ["labelSelector", "app in web", /a label selector.*"app in web"/],
    ["sourceUser", "system:serviceaccount:a:b", /without a colon/],
    ["notifyUrl", "https://me:hush@hooks.example.com/", /without credentials and fragment/],
    ["notifyUrl", "ftp://hooks.example.com/", /begin with https/],
    ["notifySecret", "hush", /whsec_ and 24 to 64 bytes/],
    ["notifySecret", `whsec_${"A".repeat(24)}`, /whsec_ and 24 to 64 bytes/],
    ["webhookSecret", "short", /at least 16 characters/],
  ])("refuses %s %j and says what would be right", (name, text, expected) => {
    expect(parseValue(options[name], text)).toEqual({ expected: expect.stringMatching(expected) });
  });

  it("reads back every value that can be written", () => {
    const setting = fc.constantFrom(...optionEntries).chain(([, option]) => fc.tuple(fc.constant(option), anyValue(option)));
    fc.assert(
      fc.property(setting, ([option, value]) => {
        expect(parseValue(option, formatValue(option, value))).toEqual({ value });
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads every default of the table", () => {
    const defaults = optionEntries.filter(([, option]) => option.default !== undefined);
    expect(defaults.length).toBeGreaterThan(10);
    for (const [, option] of defaults) expect(parseValue(option, defaultText(option) ?? "")).toHaveProperty("value");
  });
});

const namePart = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
/** The last part begins with a letter: a URL takes a number there for an IPv4 address. */
const host = fc
  .tuple(
    fc.array(fc.stringMatching(/^[a-z]([a-z0-9]{0,10}(-[a-z0-9])?)$/), { minLength: 1, maxLength: 4 }),
    fc.option(fc.integer({ min: 1, max: 65_535 })),
  )
  .map(([parts, port]) => parts.join(".") + (port === null ? "" : `:${port}`));

const formatted: Readonly<Record<NonNullable<Option["format"]>, fc.Arbitrary<string>>> = {
  "host-pattern": fc.constantFrom("quay.io", "*", "*.corp.example", "registry:5000", "*.*.example:443", "[fd00::5]:5000"),
  "image-pattern": fc.constantFrom("quay.io/shop/*", "*", "*/shop/*", "registry:5000/shop/app", "*.example/*"),
  namespace: namePart,
  "service-account": fc.tuple(namePart, namePart).map((parts) => parts.join("/")),
  "namespace-pattern": namePart.map((name) => `${name}*`),
  "result-pattern": namePart.map((name) => `*${name}`),
  "build-source": fc.constantFrom("builds", "shipwright", "tekton"),
  since: fc.constantFrom("now", "7d", "90m", "2026-11-01", "2026-11-01T00:00:00Z"),
  "build-config": fc
    .tuple(fc.option(namePart), namePart)
    .map(([namespace, name]) => (namespace === null ? name : `${namespace}/${name}`)),
  host,
  endpoint: fc
    .tuple(fc.constantFrom("", "http://", "https://"), host, fc.constantFrom("", "/api", "/a/b/"))
    .map((parts) => parts.join("")),
  url: host.map((name) => `https://${name}`),
  "repository-prefix": fc.tuple(host, fc.constantFrom("", "/organisation", "/a/b_c")).map((parts) => parts.join("")),
  "label-selector": fc.tuple(namePart, namePart).map(([key, value]) => `${key}=${value},!${value}`),
  user: namePart,
  "image-template": fc.constantFrom("{repository}", "{tag|digest12}", "ns:{namespace}", "{registry}/{name}"),
  receiver: fc.tuple(host, fc.constantFrom("", "/hook/T0K3N", "/?token=a/b")).map(([name, rest]) => `https://${name}${rest}`),
  "database-url": fc
    .tuple(host, namePart)
    .map(([name, database]) => `postgresql://app:p%40ss@${name}/${database}?sslmode=require`),
  "signing-secret": fc
    .uint8Array({ minLength: 24, maxLength: 64 })
    .map((bytes) => `whsec_${Buffer.from(bytes).toString("base64")}`),
  "shared-secret": fc.stringMatching(/^[a-z0-9]{16,40}$/),
};

/** Neither blank at an end, where it is cut off, nor with a comma, which parts a list. */
function isPlain(text: string): boolean {
  return text.trim() === text && text !== "" && !text.includes(",");
}

function anyValue(option: Option): fc.Arbitrary<Value> {
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = option;
  const text = option.format ? formatted[option.format] : fc.string({ minLength: 1 }).filter(isPlain);
  switch (option.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: minimum, max: maximum });
    case "duration":
    case "size":
      return fc.oneof(
        fc.integer({ min: minimum, max: maximum }),
        fc.integer({ min: 1, max: 500 }).map((count) => count * 1024 * 60_000),
      );
    case "choice":
      return fc.constantFrom(...(option.choices ?? []));
    case "list":
      if (option.choices) return fc.uniqueArray(fc.constantFrom(...option.choices), { minLength: 1 });
      return fc.uniqueArray(text, { maxLength: 4 });
    case "string":
      return text;
  }
}
