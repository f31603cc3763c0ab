import { writeFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { createFileReader } from "../../../src/cluster/access/file-reader.ts";
import { authenticateStatic, isStatic } from "../../../src/cluster/access/static-user.ts";
import { testCertificates } from "../../support/fixtures.ts";
import { temporaryDirectory } from "../test-cluster.ts";

type Fields = Readonly<Record<string, unknown>>;

const { ca, client, server } = testCertificates();
const base64 = (text: string) => Buffer.from(text).toString("base64");
const url = "https://api.example.com:6443";

/** What client-node adds to a request, of that which the bot sends. */
async function byClientNode(cluster: Fields, user: Fields): Promise<object> {
  const config = new KubeConfig();
  const name = "current";
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      "current-context": name,
    }),
  );
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { agent: _agent, ...others } = options;
  return others;
}

async function byOurselves(cluster: Fields, user: Fields): Promise<object> {
  const options: RequestOptions = { headers: {} };
  await authenticateStatic(cluster, user, options, createFileReader());
  return options;
}

describe("a user without a plugin", () => {
  it.each<[string, Fields, Fields]>([
    ["nobody", {}, {}],
    ["a token", {}, { token: "sha256~one" }],
    ["a user and a password", {}, { username: "admin", password: "pass:word" }],
    ["a password and a token", {}, { username: "admin", password: "x", token: "sha256~one" }],
    ["a certificate", {}, { "client-certificate-data": base64(client.cert), "client-key-data": base64(client.key) }],
    ["a name to act for", {}, { token: "sha256~one", as: "somebody" }],
    ["an authority", { "certificate-authority-data": base64(ca) }, { token: "sha256~one" }],
    ["no verification", { "insecure-skip-tls-verify": true }, {}],
    ["another name in the certificate", { "tls-server-name": "internal.example.com" }, {}],
  ])("authenticates as client-node has it: %s", async (_, cluster, user) => {
    const given = { server: url, "insecure-skip-tls-verify": false, ...cluster };
    expect(await byOurselves(given, user)).toEqual(await byClientNode(given, user));
  });

  it("is read from files, which go before what stands beside them", async () => {
    const directory = await temporaryDirectory();
    const files = { "ca.crt": ca, "tls.crt": client.cert, "tls.key": client.key };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const cluster = {
      server: url,
      "certificate-authority": join(directory, "ca.crt"),
      "certificate-authority-data": base64(server.cert),
    };
    const user = { "client-certificate": join(directory, "tls.crt"), "client-key": join(directory, "tls.key") };
    const expected = { ...(await byClientNode(cluster, user)) };
    expect(await byOurselves(cluster, user)).toEqual(expected);
    expect(expected).toMatchObject({ ca: Buffer.from(ca) });
  });

  it("is everyone but who has a plugin or a provider and no file with a token", () => {
    expect(isStatic({ token: "x" })).toBe(true);
    expect(isStatic({ exec: { command: "x" } })).toBe(false);
    expect(isStatic({ "auth-provider": { name: "oidc" } })).toBe(false);
    expect(isStatic({ exec: { command: "x" }, tokenFile: "/token" })).toBe(true);
  });
});
