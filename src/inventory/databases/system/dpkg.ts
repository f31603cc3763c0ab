import type { FoundPackage } from "../../inventory.ts";
import { type Findings, fileLimits, type PackageDatabase, plainText } from "../database.ts";
import { eachStanza } from "../stanzas.ts";

/** dpkg's status file, and the files of its `status.d` in images without a shell (man 5 deb-control). */
export const dpkg: PackageDatabase = {
  name: "dpkg",
  limit: fileLimits.database,
  places: ["var/lib/dpkg/status", "var/lib/dpkg/status.d/"],
  owns: (path) => /(?:^|\/)status(?:\.d\/[^/]+(?<!\.md5sums))?$/.test(path),
  read({ bytes }): Findings {
    const packages: FoundPackage[] = [];
    const troubles = eachStanza(bytes, wanted, (stanza) => {
      if (isStanzaBroken(stanza)) return false;
      if (isInstalled(stanza.get("Status"))) packages.push(packageOf(stanza));
      return true;
    });
    return { packages, troubles };
  },
};

const wanted = ["Package", "Version", "Status", "Architecture", "Source"] as const;

/** A package that is not installed can lack a version. Those in `status.d` have no status and are all installed. */
function isInstalled(status: string | undefined): boolean {
  return status === undefined || status.split(/\s+/)[2] === "installed";
}

function isStanzaBroken(stanza: ReadonlyMap<string, string>): boolean {
  if (!isInstalled(stanza.get("Status"))) return false;
  return !plainText(stanza.get("Package")) || !plainText(stanza.get("Version"));
}

function packageOf(stanza: ReadonlyMap<string, string>): FoundPackage {
  const [name = "", version = ""] = [plainText(stanza.get("Package")), plainText(stanza.get("Version"))];
  const architecture = plainText(stanza.get("Architecture"));
  return {
    ecosystem: "deb",
    name,
    version,
    ...(architecture && { architecture }),
    source: sourceOf(stanza.get("Source"), name, version),
  };
}

/** Reads `Source: name (version)`. Missing parts are those of the package. */
function sourceOf(text: string | undefined, name: string, version: string) {
  const [, source, sourceVersion] = /^(\S{1,500})(?:\s+\(([^)]{1,500})\))?/.exec(plainText(text) ?? "") ?? [];
  return { name: source ?? name, version: sourceVersion ?? version };
}
