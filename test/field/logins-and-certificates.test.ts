import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { findLogin, parseAuthfile } from "../../src/registry/logins/auth-file.ts";
import { createCertificateReader } from "../../src/registry/trust/certificates.ts";
import { openTestCopier } from "../support/copier.ts";
import { requirePrograms } from "../support/programs.ts";
import { openTestParts } from "../support/registry-parts.ts";
import { makeCertificates } from "../support/registry-server.ts";

const signal = new AbortController().signal;
const auth = (login: string) => Buffer.from(login).toString("base64");
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "field-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode });
  return path;
}

describe("an auth file's key", () => {
  it.each([
    // The key                       an image                               whether its login is found
    ["quay.io", "quay.io/org/app", true],
    ["QUAY.io", "quay.io/org/app", true],
    ["quay.io:443", "quay.io/org/app", true],
    ["quay.io", "quay.io:443/org/app", true],
    ["https://quay.io/v2/", "quay.io/org/app", true],
    ["quay.io/org", "quay.io/org/app", true],
    ["quay.io/org", "quay.io/organisation/app", false],
    ["quay.io:8443", "quay.io/org/app", false],
    ["https://index.docker.io/v1/", "docker.io/org/app", true],
    ["*.corp.example", "quay.corp.example/org/app", true],
    ["*.corp.example", "a.b.corp.example/org/app", false],
    ["*.corp.example", "corp.example/org/app", false],
    ["*.corp.example:5000", "quay.corp.example:5000/org/app", true],
    ["*.corp.example:5000", "quay.corp.example/org/app", false],
    ["eu-*.pkg.example", "eu-west.pkg.example/org/app", true],
    ["*.corp.example/org", "quay.corp.example/org/app", true],
    [" quay.io ", "quay.io/org/app", true],
    ["oci://quay.io", "quay.io/org/app", true],
    ["hub.docker.com", "docker.io/org/app", true],
    ["[fd00::5]:5000", "[fd00::5]:5000/org/app", true],
  ])("%s is for %s: %s", (key, image, expected) => {
    const file = parseAuthfile(JSON.stringify({ auths: { [key]: { auth: auth("me:secret") } } }));
    expect(file.unused).toEqual([]);
    expect(findLogin(file, parseImageReference(image)) !== undefined).toBe(expected);
  });

  it("without a wildcard goes before one with", () => {
    const auths = { "*.corp.example": { auth: auth("all:1") }, "quay.corp.example": { auth: auth("one:2") } };
    const file = parseAuthfile(JSON.stringify({ auths }));
    expect(findLogin(file, parseImageReference("quay.corp.example/org/app"))?.user).toBe("one");
  });

  it.each<readonly [object, RegExp | undefined]>([
    [{ "r.example": { auth: auth("me:secret") } }, undefined],
    [{ "r.example": { auth: auth("me:secret") }, "https://r.example": { username: "me", password: "secret" } }, undefined],
    [{ "r.example": { username: "me", password: "secret" } }, undefined],
    [{ "r.example": { identitytoken: "refresh" } }, undefined],
    [{ "r.example": { auth: auth("me") } }, /^"r.example" has an auth that is not user:password in base64$/],
    [{ "r.example": { username: "me", password: "" } }, /^"r.example" holds no password$/],
    [{ "r.example": { auth: auth("me:") } }, /^"r.example" holds no password$/],
    [{ "r.example": { registrytoken: "t" } }, /^"r.example" holds a registrytoken alone/],
    [{ "r.example": {} }, /^"r.example" holds no user and password$/],
    [{ "r.example": "me:secret" }, /^"r.example" holds no login$/],
    [{ "r.example:*": { auth: auth("me:secret") } }, /^"r.example:\*" matches no registry/],
    [{ "r.example/*": { auth: auth("me:secret") } }, /^"r.example\/\*" matches no registry/],
    ...["quay.io,registry.io", "quay.io.", "quay.io/org/app:latest", "quay.io/org//app", "quay io", ""].map(
      (key) => [{ [key]: { auth: auth("me:secret") } }, /matches no registry: expected host\[:port\]\[\/path\]$/] as const,
    ),
    ...["*", "**"].map((key) => [{ [key]: { auth: auth("me:secret") } }, /between two dots$/] as const),
    [
      { "quay.io": { auth: auth("me:1") }, "https://QUAY.io/v1/": { auth: auth("me:2") } },
      /^"quay.io" is not used: "https:\/\/QUAY.io\/v1\/" is the same registry$/,
    ],
    [{}, /^it holds no login$/],
  ])("in %j that cannot be used is told", (auths, message) => {
    expect(parseAuthfile(JSON.stringify({ auths })).unused).toEqual(message ? [expect.stringMatching(message)] : []);
  });
});

describe("an auth file", () => {
  it.each([
    [
      "a whole Secret",
      JSON.stringify({ kind: "Secret", data: { ".dockerconfigjson": "e30=" } }),
      /is a whole Secret; expected .*\.dockerconfigjson/,
    ],
    ["a Secret's data", JSON.stringify({ ".dockerconfigjson": "e30=" }), /is a whole Secret/],
    ["YAML", "auths:\n  quay.io: {}\n", /is no docker config JSON/],
    ["a list", "[]", /it is no object/],
  ])("that is %s keeps the copier from starting", async (_, text, message) => {
    const path = write("auth.json", text);
    const parts = openTestParts({ destinationAuthfile: path });
    await expect(parts.check()).rejects.toThrow(message);
    await expect(parts.check()).rejects.toThrow(`${path} (BUILD_WATCHER_DST_AUTHFILE)`);
    parts.close();
  });

  it("may begin with a byte order mark", () => {
    const file = parseAuthfile(`\ufeff${JSON.stringify({ auths: { "r.example": { auth: auth("me:secret") } } })}`);
    expect(file.logins.size).toBe(1);
  });

  it.each([
    ["credHelpers", { credHelpers: { "r.example": "field-test" } }],
    ["credsStore", { auths: { "r.example": {} }, credsStore: "field-test" }],
  ])("leads to the helper that it names under %s", async (_, content) => {
    const script = `#!/bin/sh\nread host; echo "$host" >>${directory}/asked; echo '{"Username":"helped","Secret":"s3cret"}'\n`;
    write("docker-credential-field-test", script, 0o755);
    const host = { ...hostProcess(), env: { PATH: `${directory}:${process.env.PATH}`, SECRET: "x" } };
    const parts = openTestParts({ sourceAuthfile: write("auth.json", JSON.stringify(content)), host });
    expect(await parts.check()).toEqual([]);
    const image = parseImageReference("r.example/org/app");
    const login = await parts.credentials.find({ image, side: "source", ownLogin: false }, signal);
    expect(login).toEqual({ user: "helped", password: "s3cret" });
    expect(readFileSync(join(directory, "asked"), "utf8").trim().split("\n").at(-1)).toBe("r.example");
    parts.close();
  });

  it.each([
    [
      "a helper for that very host goes before a login, which is often an old token",
      { credHelpers: { "R.example:443": "field-test" } },
      "helped",
    ],
    ["a login goes before the helper for all other hosts", { credsStore: "field-test" }, "me"],
    ["a login counts where its host's helper is not installed", { credHelpers: { "r.example": "not-here" } }, "me"],
    ["a login counts where its host's helper has none", { credHelpers: { "r.example": "empty" } }, "me"],
  ])("with both: %s", async (_, named, user) => {
    write("docker-credential-field-test", '#!/bin/sh\necho \'{"Username":"helped","Secret":"s3cret"}\'\n', 0o755);
    write("docker-credential-empty", "#!/bin/sh\necho credentials not found in native keychain; exit 1\n", 0o755);
    const host = { ...hostProcess(), env: { PATH: `${directory}:${process.env.PATH}` } };
    const content = JSON.stringify({ auths: { "r.example": { auth: auth("me:old") } }, ...named });
    const parts = openTestParts({ sourceAuthfile: write("auth.json", content), host });
    const image = parseImageReference("r.example/org/app");
    expect(await parts.credentials.find({ image, side: "source", ownLogin: false }, signal)).toMatchObject({ user });
    parts.close();
  });

  it("whose login was encoded with the line break of echo holds the password without it", () => {
    const file = parseAuthfile(JSON.stringify({ auths: { "r.example": { auth: auth("me:secret\n") } } }));
    expect(findLogin(file, parseImageReference("r.example/app"))).toEqual({ user: "me", password: "secret" });
  });

  it("whose helper is not installed is reported, with the helper's name", async () => {
    const content = JSON.stringify({ credHelpers: { "r.example": "ecr-login" } });
    const host = { ...hostProcess(), env: { PATH: directory } };
    const parts = openTestParts({ sourceAuthfile: write("auth.json", content), host });
    expect(await parts.check()).toEqual([
      expect.stringMatching(/BUILD_WATCHER_SRC_AUTHFILE\): docker-credential-ecr-login, .* cannot be run \(ENOENT\)$/),
    ]);
    const image = parseImageReference("r.example/org/app");
    await expect(parts.credentials.find({ image, side: "source", ownLogin: false }, signal)).rejects.toMatchObject({
      reason: "RegistryDenied",
      retryable: true,
    });
    parts.close();
  });

  it.each(["exit 1", "echo no JSON"])("whose helper fails for now (%s) is asked again later", async (does) => {
    write("docker-credential-field-test", `#!/bin/sh\n${does}\n`, 0o755);
    const host = { ...hostProcess(), env: { PATH: `${directory}:${process.env.PATH}` } };
    const content = JSON.stringify({ credsStore: "field-test" });
    const parts = openTestParts({ sourceAuthfile: write("auth.json", content), host });
    const image = parseImageReference("r.example/org/app");
    await expect(parts.credentials.find({ image, side: "source", ownLogin: false }, signal)).rejects.toMatchObject({
      retryable: true,
      message: expect.stringMatching(/^docker-credential-field-test gave no login for r\.example \(it ended with code \d\)$/),
    });
    parts.close();
  });

  function hostProcess() {
    const [kill, once, off] = [process.kill.bind(process), process.once.bind(process), process.off.bind(process)];
    return { pid: process.pid, kill, once, off };
  }
});

requirePrograms("openssl")("a certificate file", () => {
  const made = makeCertificates();
  const good = readFileSync(join(made.caDirectory, "ca.crt"), "utf8");
  made.remove();

  const derOf = () => Buffer.from(good.replace(/-----[^-]+-----|\s/g, ""), "base64");

  it.each<[string, string, () => string | Buffer, number, RegExp | undefined]>([
    // What it is                 its name        its content                                        certificates, and what is said
    ["PEM", "ca.crt", () => good, 1, undefined],
    ["PEM by another name", "company.txt", () => good, 1, undefined],
    ["several", "bundle.pem", () => good + good, 2, undefined],
    ["PEM among words", "ca.pem", () => `# our CA\n${good}\nthe end\n`, 1, undefined],
    ["DER", "company.cer", derOf, 1, undefined],
    ["X509 CERTIFICATE", "ca.crt", () => good.replaceAll("CERTIFICATE", "X509 CERTIFICATE"), 1, undefined],
    ["UTF-16", "ca.crt", () => Buffer.from(`\ufeff${good}`, "utf16le"), 1, undefined],
    [
      "TRUSTED",
      "ca.crt",
      () => good.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE"),
      0,
      /holds "TRUSTED CERTIFICATE", which is not used/,
    ],
    ["PKCS7", "ca.p7b", () => "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", 0, /holds "PKCS7", which is not used/],
    [
      "damaged",
      "a.crt",
      () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      0,
      /holds a damaged certificate/,
    ],
    ["cut off", "a.crt", () => good.slice(0, 200), 0, /holds a damaged certificate/],
    ["no certificate", "README", () => "our CAs\n", 0, /is no certificate/],
    ["empty", "ca.crt", () => "", 0, /is no certificate/],
  ])("that is %s is used, or told", async (_, name, content, count, message) => {
    const path = write(name, content());
    const { pem, unused } = await createCertificateReader(directory, Date.now)();
    expect(pem.split("-----BEGIN CERTIFICATE-----").length - 1).toBe(count);
    expect(unused).toEqual(message ? [expect.stringMatching(message)] : []);
    for (const text of unused) expect(text).toContain(path);
  });

  it("in a directory below, or at the end of a link that leads nowhere, is told, and ConfigMaps' own are not", async () => {
    mkdirSync(join(directory, "quay.io"));
    mkdirSync(join(directory, "..2026_01_01"));
    symlinkSync("/nowhere/ca.crt", join(directory, "broken.crt"));
    expect((await createCertificateReader(directory, Date.now)()).unused).toEqual([
      `${join(directory, "broken.crt")} leads to nothing`,
      `${join(directory, "quay.io")} is no file: put certificates into the directory itself`,
    ]);
  });

  it("of a client, with its key, is told and not taken for a CA", async () => {
    write("ca.crt", good);
    for (const name of ["client.cert", "client.key"]) write(name, good);
    write("alone.cert", good);
    const { pem, unused } = await createCertificateReader(directory, Date.now)();
    expect(pem).toBe(good + good);
    expect(unused).toEqual([
      `${join(directory, "client.cert")} and its .key are a client's certificate, which the bot does not present: registries get a login`,
    ]);
  });

  it("that has expired is reported", async () => {
    write("old.crt", good);
    const { pem, unused } = await createCertificateReader(directory, () => Date.UTC(9999))();
    expect(unused).toEqual([expect.stringMatching(/old\.crt holds a certificate that expired on /)]);
    expect(pem).toContain("BEGIN CERTIFICATE");
  });

  it("that is damaged hides no other, and is read again when it changes", async () => {
    write("a.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write("b.crt", good);
    mkdirSync(join(directory, "..data"));
    const read = createCertificateReader(directory, Date.now);
    expect(await read()).toEqual({ pem: good, unused: [expect.stringContaining("a.crt")] });
    write("a.crt", good);
    expect(await read()).toEqual({ pem: good + good, unused: [] });
  });

  it("of a directory that is not there keeps the bot from starting", async () => {
    await expect(createCertificateReader(join(directory, "nowhere"), Date.now)()).rejects.toThrow(/BUILD_WATCHER_REGISTRY_CERTS/);
  });
});

requirePrograms("skopeo")("a push registry named by an IPv6 address", () => {
  it("is refused at start by a skopeo that cannot read it", async () => {
    const skopeoPath = write("skopeo.sh", '#!/bin/sh\necho "skopeo version 1.9.3"\n', 0o755);
    await expect(openTestCopier({ pushRegistry: "[::1]:5000/mirror", skopeoPath })).rejects.toThrow(
      /THOTH_PUSH_REGISTRY names the address \[::1\]:5000, which skopeo 1\.9\.3 cannot read/,
    );
  });
});
