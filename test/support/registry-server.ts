import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import axios, { type AxiosResponse } from "axios";
import { runProgram } from "./programs.ts";
import { digestOf, type MadeImage } from "./registry-images.ts";

export interface RegistryOptions {
  /** The one login that is accepted; without it everybody may do everything. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly tls?: TestCertificates;
  readonly readOnly?: boolean;
  /** Where its storage is made; default: the directory for temporary files. */
  readonly parent?: string;
  /** Where it tells of what is pushed and pulled, and with which headers. */
  readonly notify?: { readonly url: string; readonly headers: Readonly<Record<string, readonly string[]>> };
}

/** One request as the registry logged it. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The user agent: which program asked. */
  readonly agent: string;
}

/** A real docker-registry with an empty storage of its own. */
export interface RegistryServer {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** Everything asked of it so far, in order; complete as soon as this resolves. */
  requests(): Promise<readonly LoggedRequest[]>;
  /** Puts an image there and answers its name by digest. */
  push(repository: string, image: MadeImage, tag?: string): Promise<string>;
  /** The digest under a tag or digest; undefined when there is none. */
  digest(repository: string, reference: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface TestCertificates {
  /** A directory that holds the CA's certificate as `ca.crt`, and nothing else. */
  readonly caDirectory: string;
  readonly certificate: string;
  readonly key: string;
  remove(): void;
}

/** Starts docker-registry and resolves when it listens. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const directory = mkdtempSync(join(options.parent ?? tmpdir(), "registry-"));
  const config = join(directory, "config.json");
  writeFileSync(config, JSON.stringify(configuration(directory, options)));
  const child = spawn("docker-registry", ["serve", config], {
    stdio: ["ignore", "pipe", "pipe"],
    // Left alone it spends half of its work on collecting garbage.
    env: { PATH: process.env.PATH, GOMAXPROCS: "1", GOGC: "400" },
  });
  const requests: LoggedRequest[] = [];
  const host = await followOutput(child, requests);
  const url = `${options.tls ? "https" : "http"}://${host}`;
  const api = apiOf(url, options);

  return {
    host,
    url,
    async requests() {
      const marker = `/v2/?marker=${crypto.randomUUID()}`;
      await api("GET", marker);
      while (!requests.some(({ path }) => path === marker)) await new Promise((resolve) => child.stdout?.once("data", resolve));
      return requests.filter(({ path, agent }) => !path.includes("?marker=") && agent !== seedAgent);
    },
    async push(repository, image, tag) {
      await pushImage(api, repository, image, tag ?? image.digest);
      return `${host}/${repository}@${image.digest}`;
    },
    async digest(repository, reference) {
      const headers = {
        Accept:
          "*/*, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
      };
      const { status, headers: answer } = await api("HEAD", `/v2/${repository}/manifests/${reference}`, undefined, headers);
      return status === 200 ? String(answer["docker-content-digest"]) : undefined;
    },
    async close() {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A CA of this test's own and a certificate for 127.0.0.1 signed by it. */
export function makeCertificates(): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), "certificates-"));
  const path = (name: string) => join(directory, name);
  mkdirSync(path("ca"));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  runProgram("openssl", ["req", "-x509", ...key, "-keyout", path("ca.key"), "-out", path("ca/ca.crt"), "-subj", "/CN=Test CA"]);
  const signedBy = ["-CA", path("ca/ca.crt"), "-CAkey", path("ca.key"), "-addext", "subjectAltName=IP:127.0.0.1"];
  runProgram("openssl", [
    "req",
    "-x509",
    ...key,
    ...signedBy,
    "-keyout",
    path("key.pem"),
    "-out",
    path("cert.pem"),
    "-subj",
    "/CN=test",
  ]);
  return {
    caDirectory: path("ca"),
    certificate: path("cert.pem"),
    key: path("key.pem"),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const seedAgent = "seed";

function configuration(directory: string, { login, tls, readOnly, notify }: RegistryOptions): object {
  const htpasswd = join(directory, "htpasswd");
  if (login) writeFileSync(htpasswd, runProgram("htpasswd", ["-Bni", "-C", "4", login.user], login.password));
  return {
    version: "0.1",
    log: { level: "info" },
    storage: {
      filesystem: { rootdirectory: join(directory, "data") },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: readOnly ?? false } },
    },
    http: { addr: "127.0.0.1:0", secret: "test", ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }) },
    ...(notify && { notifications: { endpoints: [{ name: "bot", timeout: "2s", threshold: 2, backoff: "100ms", ...notify }] } }),
    ...(login && { auth: { htpasswd: { realm: "test", path: htpasswd } } }),
  };
}

const listening = /msg="listening on (127\.0\.0\.1:\d+)/;
const accessLine = /"(\S+) (\S+) HTTP\/[\d.]+" (\d+) \d+ "[^"]*" "([^"]*)"/;

/** Reads both streams: the access log into `requests`, and from the log where it listens. */
function followOutput(child: ChildProcess, requests: LoggedRequest[]): Promise<string> {
  createInterface({ input: child.stdout ?? ([] as never) }).on("line", (line) => {
    const [, method = "", path = "", status, agent = ""] = accessLine.exec(line) ?? [];
    if (status) requests.push({ method, path, status: Number(status), agent });
  });
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    createInterface({ input: child.stderr ?? ([] as never) }).on("line", (line) => {
      lines.push(line);
      const host = listening.exec(line)?.[1];
      if (host) resolve(host);
    });
    child.once("close", () => reject(new Error(`docker-registry ended: ${lines.join("\n")}`)));
  });
}

type Api = (method: string, path: string, body?: Buffer, headers?: Record<string, string>) => Promise<AxiosResponse>;

function apiOf(url: string, { login, tls }: RegistryOptions): Api {
  const httpsAgent = tls && new Agent({ ca: readFileSync(join(tls.caDirectory, "ca.crt")) });
  return (method, path, data, headers) =>
    axios.request({
      method,
      url: path.startsWith("http") ? path : `${url}${path}`,
      data,
      headers: { "User-Agent": seedAgent, "Content-Type": "application/octet-stream", ...headers },
      ...(login && { auth: { username: login.user, password: login.password } }),
      ...(httpsAgent && { httpsAgent }),
      proxy: false,
      maxBodyLength: Number.POSITIVE_INFINITY,
      transformRequest: (body) => body,
      validateStatus: () => true,
    });
}

async function pushImage(api: Api, repository: string, image: MadeImage, reference: string): Promise<void> {
  for (const child of image.children) await pushImage(api, repository, child, child.digest);
  for (const blob of image.blobs) await pushBlob(api, repository, blob);
  const type = { "Content-Type": image.mediaType };
  expectStatus(await api("PUT", `/v2/${repository}/manifests/${reference}`, image.manifest, type), 201);
}

async function pushBlob(api: Api, repository: string, blob: Buffer): Promise<void> {
  const digest = digestOf(blob);
  const { status } = await api("HEAD", `/v2/${repository}/blobs/${digest}`);
  if (status === 200) return;
  const begun = await api("POST", `/v2/${repository}/blobs/uploads/`);
  expectStatus(begun, 202);
  expectStatus(await api("PUT", `${begun.headers.location}&digest=${digest}`, blob), 201);
}

function expectStatus({ status, data, config }: AxiosResponse, expected: number): void {
  if (status !== expected) throw new Error(`${config.method} ${config.url} answered ${status}: ${JSON.stringify(data)}`);
}
