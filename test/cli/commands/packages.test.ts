import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startBot } from "../../support/bot.ts";
import { makeFileLayer } from "../../support/layers.ts";
import { startOddRegistry } from "../../support/odd-registry.ts";
import { makeImage } from "../../support/registry-images.ts";

const status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n";

it("an image is read without a cluster, and questions are answered from what was read", async () => {
  await using registry = await startOddRegistry();
  const directory = mkdtempSync(join(tmpdir(), "packages-"));
  const environment = { HOME: directory, BUILD_WATCHER_STATE_DIR: directory, THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1" };
  try {
    const layer = await makeFileLayer({ "etc/os-release": "ID=debian\nVERSION_ID=12\n", "var/lib/dpkg/status": status });
    const name = registry.put("shop/app", makeImage({ layers: [layer] }));
    const reading = startBot(["sbom", name], environment);
    expect(await reading.exit).toBe(0);
    expect(JSON.parse(reading.stdout())).toMatchObject({ components: [{ name: "debian" }, { name: "bash", version: "5.2-1" }] });
    const asking = startBot(["packages", "bash@>=5", "--json"], environment);
    expect(await asking.exit).toBe(0);
    expect(JSON.parse(asking.stdout())).toMatchObject({
      groups: [{ newest: { packages: [{ name: "bash" }] } }],
      coverage: { complete: 1 },
    });
    const missing = startBot(["packages", "bash@>9"], environment);
    expect([await missing.exit, missing.stdout()]).toEqual([1, "None of the images that were read has it.\n1 image read.\n"]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it("two images are compared, by digest or by name", async () => {
  await using registry = await startOddRegistry();
  const directory = mkdtempSync(join(tmpdir(), "packages-"));
  const environment = { HOME: directory, BUILD_WATCHER_STATE_DIR: directory, THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1" };
  const run = async (...argv: readonly string[]) => {
    const bot = startBot(argv, environment);
    return [await bot.exit, bot.stdout() || bot.stderr()] as const;
  };
  const image = async (...stanzas: readonly string[]) => {
    const layer = await makeFileLayer({ "etc/os-release": "ID=debian\n", "var/lib/dpkg/status": stanzas.join("\n") });
    return registry.put("shop/app", makeImage({ layers: [layer] }));
  };
  try {
    const zlib = status.replace("bash", "zlib1g");
    const before = await image(status, zlib);
    const after = await image(status.replace("5.2-1", "5.3-1"), status.replace("bash", "curl"));
    expect((await run("packages", "--diff", before, after))[1]).toMatch(/was not read: `build-watcher sbom <image>` reads it/);
    for (const name of [before, after]) expect((await run("sbom", name))[0]).toBe(0);
    const changes = "  bash 5.2-1 -> 5.3-1\n+ curl 5.2-1\n- zlib1g 5.2-1\n";
    expect(await run("packages", "--diff", before, after)).toEqual([1, changes]);
    const digests = [before, after].map((name) => name.split("@")[1] ?? "");
    const [code, json] = await run("packages", "--diff", "--json", ...digests);
    expect([code, JSON.parse(json).count]).toEqual([1, 3]);
    expect(await run("packages", "--diff", before, before)).toEqual([0, "The same packages.\n"]);
    expect((await run("packages", "--diff", before))[1]).toContain("two images by digest");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
