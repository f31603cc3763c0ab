import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { createDependencyTrack } from "../../src/demo/services/dependency-track.ts";
import { createHarborScanner } from "../../src/demo/services/harbor-scanner.ts";
import { createRhacs } from "../../src/demo/services/rhacs.ts";
import { createTrustify } from "../../src/demo/services/trustify.ts";
import { listening, secretFile } from "./analyzers.ts";
import { createWorld, type World } from "./bot.ts";
import { makeFileLayer } from "./layers.ts";
import { startOddRegistry } from "./odd-registry.ts";
import { type MadeImage, makeImage } from "./registry-images.ts";
import { completedBuild } from "./submissions.ts";

/** Every analyzer that takes images of any registry. */
export const everyAnalyzer = [
  "thoth",
  "packages",
  "rhacs",
  "dependency-track",
  "trustify",
  "harbor-scanner",
  "own-scanner",
] as const;

/** What nobody may see, by whose it is. */
export const secretsOfServices = {
  rhacs: "rhacs-TOPSECRET-1",
  dependencyTrack: "odt_TOPSECRET-2",
  trustify: "client-TOPSECRET-3",
  harbor: "harbor-TOPSECRET-4",
  registry: "registry-TOPSECRET-5",
  bot: "bot-TOPSECRET-6",
  cluster: "cluster-TOPSECRET-7",
  quay: "quay-TOPSECRET-8",
  destination: "destination-TOPSECRET-9",
  notifyAddress: "hook-TOPSECRET-10",
  notifyKey: "bm90aWZ5LVRPUFNFQ1JFVC0xMS0xMjM0NTY3ODkwMTIz",
  webhook: "webhook-TOPSECRET-12-1234567890123456",
} as const;

/** A job as the API shows it. */
export interface ShownJob {
  readonly id: string;
  readonly analyzer: string;
  readonly state: string;
  readonly outcome: string;
  readonly result?: {
    readonly notes?: readonly string[];
    readonly findings?: { readonly severities?: Readonly<Record<string, number>>; readonly packages?: number };
  };
}

const debian = {
  "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
  "var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n",
};

/** A world with every service beside Thoth, a registry with images, and a program of one's own. What the services find can be changed. */
export async function openServices() {
  const token = secretsOfServices.cluster;
  const tokens = { [token]: "system:serviceaccount:bots:build-watcher" };
  const world = await createWorld({ states: ["success"], installed: ["tekton.dev"], token, tokens });
  onTestFinished(() => world[Symbol.asyncDispose]());
  const registry = await startOddRegistry();
  onTestFinished(() => registry[Symbol.asyncDispose]());
  const found = {
    images: {} as Record<string, object>,
    metrics: {} as Record<string, number>,
    advisories: [{ uuid: "a-1", status: [affected("CVE-2026-1", "critical")] }] as object[],
    vulnerabilities: [{ id: "CVE-2026-1", severity: "Critical", fix_version: "2" }] as object[],
  };
  const { rhacs: rhacsToken, dependencyTrack: key, trustify: secret, harbor: login } = secretsOfServices;
  const rhacs = await listening(createRhacs({ tokens: [rhacsToken], clusters: ["prod"], images: found.images }));
  const track = await listening(createDependencyTrack({ keys: [key], metrics: found.metrics }));
  const trustify = await listening(createTrustify({ client: { id: "bot", secret }, advisories: found.advisories }));
  const harbor = await listening(createHarborScanner({ authorization: login, vulnerabilities: found.vulnerabilities }));
  const program = ownProgram();
  const environment = {
    BUILD_WATCHER_ANALYZERS: everyAnalyzer.join(),
    BUILD_WATCHER_RHACS_URL: rhacs.url,
    BUILD_WATCHER_RHACS_TOKEN_FILE: secretFile(rhacsToken),
    BUILD_WATCHER_RHACS_CLUSTER: "prod",
    BUILD_WATCHER_DEPENDENCY_TRACK_URL: track.url,
    BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE: secretFile(key),
    BUILD_WATCHER_TRUSTIFY_URL: trustify.url,
    BUILD_WATCHER_TRUSTIFY_ISSUER: `${trustify.url}/realms/trustify`,
    BUILD_WATCHER_TRUSTIFY_CLIENT_ID: "bot",
    BUILD_WATCHER_TRUSTIFY_CLIENT_SECRET_FILE: secretFile(secret),
    BUILD_WATCHER_HARBOR_SCANNER_URL: `${harbor.url}/api/v1`,
    BUILD_WATCHER_HARBOR_SCANNER_LOGIN_FILE: secretFile(login),
    BUILD_WATCHER_COMMANDS_FILE: secretFile(
      `commands: [{ name: own-scanner, args: [${program.path}, "{image}", "{sbom}", "{authfile}"] }]`,
    ),
    BUILD_WATCHER_SRC_REGISTRY: registry.host,
    THOTH_SRC_REGISTRY_USER: "robot",
    THOTH_SRC_REGISTRY_PASSWORD: secretsOfServices.registry,
    THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
    BUILD_WATCHER_API_TOKEN: secretsOfServices.bot,
    // The clock of these tests runs while other threads and programs work.
    BUILD_WATCHER_JOB_TIMEOUT: "24h",
    BUILD_WATCHER_SERVER: "1",
    PORT: "0",
  };
  /** Puts an image into the registry. */
  const imageOf = async (name: string, number = 1): Promise<MadeImage> => {
    const image = makeImage({ layers: [await makeFileLayer({ ...debian, "etc/hostname": `${name}-${number}` })] });
    registry.put(`shop/${name}`, image);
    return image;
  };
  return {
    ...{ world, registry, rhacs, track, trustify, harbor, program, environment, found, imageOf },
    /** Completes a build whose image lies in the registry; another one of the same BuildConfig where a number is given. */
    async complete(name: string, number = 1, before: (image: MadeImage) => void = () => {}): Promise<MadeImage> {
      const image = await imageOf(name, number);
      before(image);
      const output = { kind: "DockerImage" as const, name: `${registry.host}/shop/${name}:latest` };
      const made = { digest: image.digest, output, outputReference: output.name, base: null };
      const completedAt = new Date(Date.UTC(2026, 0, number)).toISOString();
      world.cluster.put("builds", completedBuild(name, { ...made, name: `${name}-${number}`, completedAt }));
      return image;
    },
  };
}

export type Services = Awaited<ReturnType<typeof openServices>>;

export function affected(id: string, severity: string): object {
  return { vulnerability_id: id, average_severity: severity, status: "affected", packages: [] };
}

/** Starts a bot that looks at everything there is. */
export async function startBotOf(
  { world, environment }: Pick<Services, "world" | "environment">,
  more: Readonly<Record<string, string>>,
  clock: Clock,
) {
  const bot = world.bot([], { ...environment, ...more }, clock);
  const { url } = await bot.logged((line) => line.url !== undefined);
  const jobs = async (): Promise<readonly ShownJob[]> =>
    ((await (await fetch(`${url}/api/jobs?limit=100`)).json()) as { jobs: readonly ShownJob[] }).jobs;
  /** How the jobs of an analyzer, or of all, ended. */
  const outcomes = async (analyzer?: string) =>
    (await jobs())
      .filter((job) => analyzer === undefined || job.analyzer === analyzer)
      .map((job) => `${job.analyzer} ${job.outcome}`)
      .toSorted();
  return { bot, url: String(url), jobs, outcomes };
}

/** A program that notes how it was started, and prints a file of findings. */
function ownProgram() {
  const directory = mkdtempSync(join(tmpdir(), "own-scanner-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [path, prints, seen] = ["scanner.sh", "prints", "seen"].map((name) => join(directory, name)) as [string, string, string];
  const script = [
    "#!/bin/sh",
    `tr '\\0' '\\n' < /proc/$$/cmdline >> ${seen}`,
    `env >> ${seen}`,
    `cat "$3" >> ${join(directory, "auth")}`,
    `if [ -e ${join(directory, "fails")} ]; then rm ${join(directory, "fails")}; cat "$3"; cat "$3" >&2; exit 1; fi`,
    `cat ${prints}`,
  ];
  writeFileSync(path, `${script.join("\n")}\n`);
  chmodSync(path, 0o755);
  const print = (...severities: readonly string[]) => {
    const vulnerabilities = severities.map((severity, at) => ({ id: `CVE-${at}`, ratings: [{ severity }] }));
    writeFileSync(prints, JSON.stringify({ bomFormat: "CycloneDX", components: [{ type: "library" }], vulnerabilities }));
  };
  print("low");
  return {
    path,
    print,
    /** The next run prints its login everywhere, and fails. */
    failOnce: () => writeFileSync(join(directory, "fails"), ""),
    /** Command lines and environments of all runs. */
    seen: () => readFileSync(seen, "utf8"),
    /** The auth files of all runs. */
    authFiles: () => readFileSync(join(directory, "auth"), "utf8"),
  };
}

/** All Events of the cluster, as text. */
export async function eventsOf({ cluster }: World): Promise<string> {
  const authorization = `Bearer ${secretsOfServices.cluster}`;
  return (await fetch(`${cluster.url}/apis/events.k8s.io/v1/events`, { headers: { authorization } })).text();
}

/** Everything that lies in the state directory, as text. */
export function stateOf({ stateDirectory }: World): string {
  const entries = readdirSync(stateDirectory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join();
}
