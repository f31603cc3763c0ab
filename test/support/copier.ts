import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { type ImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import type { CopyReport, EndedCopy } from "../../src/registry/image-copier.ts";
import { type ImageCopierSettings, type OpenImageCopier, openImageCopier } from "../../src/registry/skopeo/skopeo-copier.ts";

/** A copier with a state directory of its own, and everything it reported. */
export interface TestCopier extends OpenImageCopier {
  readonly stateDirectory: string;
  readonly reports: readonly CopyReport[];
  /** How each copy ended, in order. */
  outcomes(): EndedCopy["outcome"][];
  /** Copies an image by its name, as the output of a build. */
  copyNamed(name: string, signal?: AbortSignal): Promise<ImageReference>;
  /** Files that could hold a login, below the state directory. */
  childFiles(): string[];
  /** Closes it and removes its state. */
  remove(): Promise<void>;
}

/** Opens a copier to `pushRegistry`; certificates are not verified unless the settings say so. */
export async function openTestCopier(
  settings: Partial<ImageCopierSettings> & Pick<ImageCopierSettings, "pushRegistry">,
): Promise<TestCopier> {
  const stateDirectory = settings.stateDirectory ?? temporaryDirectory();
  const reports: CopyReport[] = [];
  const report = (event: CopyReport) => reports.push(event);
  const copier = await openImageCopier({ ...testCopierSettings({ report, ...settings }), stateDirectory });
  return {
    ...copier,
    stateDirectory,
    reports,
    outcomes: () => reports.flatMap((event) => (event.kind === "ended" ? [event.outcome] : [])),
    copyNamed: (name, signal = new AbortController().signal) =>
      copier.copy(parseImageReference(name), signal, { inSourceRegistry: true }),
    childFiles: () => filesBelow(join(stateDirectory, "skopeo", "run")),
    async remove() {
      await copier.close();
      rmSync(stateDirectory, { recursive: true, force: true });
    },
  };
}

/** The settings of a copier that verifies no certificates and has no logins, unless they are given. */
export function testCopierSettings(
  settings: Partial<ImageCopierSettings> & Pick<ImageCopierSettings, "pushRegistry">,
): ImageCopierSettings {
  return {
    layout: "default",
    skip: [],
    owns: () => true,
    perRegistry: 8,
    sourceVerifyTls: false,
    destinationVerifyTls: false,
    stateDirectory: "/nonexistent",
    commandTimeout: 60_000,
    loginFor: async () => undefined,
    clock: systemClock,
    host: process,
    ...settings,
  };
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "build-watcher-copier-"));
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
