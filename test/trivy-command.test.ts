import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { secretFile } from "./support/analyzers.ts";
import { createWorld } from "./support/bot.ts";
import { makeFileLayer } from "./support/layers.ts";
import { requirePrograms } from "./support/programs.ts";
import { makeImage } from "./support/registry-images.ts";
import { startRegistry } from "./support/registry-server.ts";
import { completedBuild } from "./support/submissions.ts";
import { findTrivy } from "./support/trivy.ts";
import { writeTrivyDatabase } from "./support/trivy-database.ts";

const trivy = findTrivy();
const login = { user: "robot", password: "TOPSECRET-4711" };

const stanza = (name: string, version: string, more = "") =>
  `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: amd64\n${more}`;
const debian = {
  "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
  "etc/debian_version": "12.7\n",
  "var/lib/dpkg/status": [
    stanza("bash", "5.2-1"),
    stanza("libssl3", "3.0.11-1", "Source: openssl\n"),
    stanza("zlib1g", "1.3-1"),
  ].join("\n"),
};
const vulnerability = (severity: string) => JSON.stringify({ Title: severity, Severity: severity, VendorSeverity: {} });
const vulnerabilities = {
  "debian 12": {
    openssl: {
      "CVE-2026-1": JSON.stringify({ FixedVersion: "3.0.15-1" }),
      "CVE-2026-2": JSON.stringify({ FixedVersion: "3.0.9-1" }),
    },
    bash: { "CVE-2026-3": JSON.stringify({}) },
  },
  vulnerability: {
    "CVE-2026-1": vulnerability("CRITICAL"),
    "CVE-2026-2": vulnerability("CRITICAL"),
    "CVE-2026-3": vulnerability("LOW"),
  },
};

requirePrograms(
  "docker-registry",
  "htpasswd",
  ...(trivy === undefined ? ["trivy"] : []),
)("Trivy as a command", () => {
  it("shows what it found in a real image of a registry with a login, on the page", { timeout: 240_000 }, async () => {
    const registry = await startRegistry({ login });
    onTestFinished(() => registry.close());
    await using world = await createWorld();
    const cache = mkdtempSync(join(tmpdir(), "trivy-cache-"));
    onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
    writeTrivyDatabase(cache, vulnerabilities);
    const usual = ["image", "--format", "json", "--list-all-pkgs", "--quiet", "--skip-db-update", "--offline-scan", "--insecure"];
    const args = [trivy, ...usual, "--cache-dir", cache, "{image}"];
    const bot = world.bot([], {
      BUILD_WATCHER_ANALYZERS: "trivy",
      BUILD_WATCHER_COMMANDS_FILE: secretFile(JSON.stringify({ commands: [{ name: "trivy", args }] })),
      BUILD_WATCHER_SRC_REGISTRY: registry.host,
      THOTH_SRC_REGISTRY_USER: login.user,
      THOTH_SRC_REGISTRY_PASSWORD: login.password,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      BUILD_WATCHER_SERVER: "1",
      PORT: "0",
    });
    const { url } = await bot.logged((line) => line.url !== undefined);
    const image = makeImage({ layers: [await makeFileLayer(debian)] });
    await registry.push("shop/app", image, "latest");
    const output = { kind: "DockerImage" as const, name: `${registry.host}/shop/app:latest` };
    const made = { digest: image.digest, output, outputReference: output.name, base: null };
    world.cluster.put("builds", completedBuild("app", made));
    await bot.logged(({ msg }) => msg === "Job done");
    const { jobs } = (await (await fetch(`${url}/api/jobs`)).json()) as { jobs: readonly { id: string; result: object }[] };
    expect(jobs[0]?.result).toMatchObject({
      findings: { coverage: "complete", severities: { critical: 1, high: 0, low: 1 }, fixable: 1, packages: 3 },
    });
    for (const path of ["", `/jobs/${jobs[0]?.id}`])
      expect(await (await fetch(`${url}${path}`)).text()).toContain("1 critical, 1 low, 3 packages");
    await bot.stop();
    expect(bot.stdout()).not.toContain(login.password);
  });
});
