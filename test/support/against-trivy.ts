import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { openTestInventory } from "./inventory.ts";
import { type LayerEntry, makeFileLayer } from "./layers.ts";
import { requirePrograms } from "./programs.ts";
import { makeImage } from "./registry-images.ts";
import { startRegistry } from "./registry-server.ts";
import { findTrivy } from "./trivy.ts";

/** The files of each layer of an image. */
export type LayerFiles = readonly Readonly<Record<string, LayerEntry>>[];

/** The text of these lines. */
export const text = (...lines: readonly string[]) => `${lines.join("\n")}\n`;

/** Tests that the bot and Trivy find the same packages in each of these images. Trivy works for some seconds before it begins. */
export function compareWithTrivy(images: readonly (readonly [name: string, layers: () => LayerFiles])[]): void {
  const trivyPath = findTrivy();
  const needed = ["docker-registry", "rpmdb", ...(trivyPath === undefined ? ["trivy"] : [])];
  requirePrograms(...needed)("against Trivy", () => {
    it.each(images)("%s has the same package URLs", { timeout: 240_000 }, async (_, layersOf) => {
      const registry = await startRegistry();
      onTestFinished(() => registry.close());
      await using test = await openTestInventory();
      const layers = await Promise.all(layersOf().map(makeFileLayer));
      const name = await registry.push("shop/app", makeImage({ layers }));
      const { digest } = await test.read(name);
      const document = await test.inventory.known.document(digest, { image: parseImageReference(name), specVersion: "1.5" });
      expect(urlsOf(Buffer.from(document ?? []).toString())).toEqual(urlsOf(await readByTrivy(trivyPath ?? "", name)));
    });
  });
}

async function readByTrivy(path: string, name: string): Promise<string> {
  const cache = emptyJavaDatabase();
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
  const args = ["image", "--format", "cyclonedx", "--quiet", "--insecure", "--skip-java-db-update", name];
  const env = { ...process.env, TRIVY_CACHE_DIR: cache };
  return (await promisify(execFile)(path, args, { maxBuffer: 2 ** 28, env })).stdout;
}

/**
 * Package URLs as a set, by what they mean. What differs, and why: this Trivy leaves `+` as it is, where the specification has it encoded; it sorts
 * qualifiers otherwise, names Alpine's release without `alpine-`, which Dependency-Track looks for, and leaves out the module that a Go program
 * is itself and the standard library in it.
 */
function urlsOf(document: string): string[] {
  const { components } = JSON.parse(document) as { components: readonly { purl?: string }[] };
  const meaning = (purl: string) => {
    const [path = "", qualifiers = ""] = purl.split("?");
    const named = qualifiers.replace("distro=alpine-", "distro=");
    return [decodeURIComponent(path), ...named.split("&").toSorted().map(decodeURIComponent)].join(" ");
  };
  const isLeftOut = (purl: string) => /^pkg:golang\/(?:stdlib|example\.com\/app)@/.test(purl);
  return [...new Set(components.flatMap(({ purl }) => (purl && !isLeftOut(purl) ? [meaning(purl)] : [])))].toSorted();
}

/** Trivy does not start on an image with jars without its database of them; an empty one makes it read the jars themselves. */
function emptyJavaDatabase(): string {
  const cache = mkdtempSync(join(tmpdir(), "trivy-"));
  const directory = join(cache, "java-db");
  mkdirSync(directory);
  const database = new DatabaseSync(join(directory, "trivy-java.db"));
  database.exec("CREATE TABLE artifacts (id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT)");
  database.exec("CREATE TABLE indices (artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT)");
  database.close();
  const [past, future] = ["2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
  writeFileSync(
    join(directory, "metadata.json"),
    JSON.stringify({ Version: 1, NextUpdate: future, UpdatedAt: past, DownloadedAt: past }),
  );
  return cache;
}
