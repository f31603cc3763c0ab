import type { Distribution } from "../../inventory.ts";
import { type Findings, fileLimits, type PackageDatabase, plainText } from "../database.ts";

/** `ID` of os-release to the family name of Trivy and Dependency-Track (aquasecurity/trivy: pkg/fanal/types/const.go). */
const families: ReadonlyMap<string, string> = new Map([
  ["rhel", "redhat"],
  ["almalinux", "alma"],
  ["ol", "oracle"],
  ["amzn", "amazon"],
  ["opensuse-leap", "opensuse.leap"],
  ["opensuse-tumbleweed", "opensuse.tumbleweed"],
  ["mariner", "cbl-mariner"],
]);

/** os-release, https://www.freedesktop.org/software/systemd/man/os-release.html. */
export const osRelease: PackageDatabase = {
  name: "os-release",
  limit: fileLimits.text,
  places: ["etc/os-release", "usr/lib/os-release"],
  owns: (path) => /(?:^|\/)os-release$/.test(path),
  read({ bytes }): Findings {
    const fields = new Map(bytes.toString("utf8").split("\n").slice(0, 1_000).map(field));
    const id = plainText(fields.get("ID"))?.toLowerCase();
    if (!id) return { packages: [] };
    return { packages: [], distribution: { family: families.get(id) ?? id, version: plainText(fields.get("VERSION_ID")) ?? "" } };
  },
};

/** Files that name a distribution's version more exactly than os-release. */
export const releaseFiles: PackageDatabase = {
  name: "release file",
  limit: fileLimits.text,
  places: ["etc/debian_version", "etc/redhat-release", "etc/centos-release", "etc/system-release"],
  owns: (path) => /(?:^|\/)etc\/(?:debian_version|(?:redhat|centos|system)-release)$/.test(path),
  read({ path, bytes }): Findings {
    const text = bytes.toString("utf8").split("\n")[0]?.trim() ?? "";
    const distribution = path.endsWith("debian_version") ? debian(text) : (amazon(text) ?? redHat(text));
    return { packages: [], ...(distribution && { distribution }) };
  },
};

/** The distribution: os-release names it, and a release file of the same family its version. */
export function exactDistribution(named: Distribution | undefined, releases: readonly Distribution[]): Distribution | undefined {
  if (!named) return releases[0];
  const exact = releases.find(({ family, version }) => family === named.family && version.startsWith(named.version));
  return exact ?? named;
}

/** A testing Debian has a name such as `trixie/sid` instead of a number. */
function debian(text: string): Distribution | undefined {
  return /^\d[\d.]*$/.test(text) ? { family: "debian", version: text } : undefined;
}

const redHats: ReadonlyMap<string, string> = new Map([
  ["Red Hat Enterprise", "redhat"],
  ["Red Hat Enterprise Linux", "redhat"],
  ["CentOS", "centos"],
]);

function redHat(text: string): Distribution | undefined {
  const [, name = "", version = ""] = /^(.{1,60}?)(?: Linux)?(?: Stream)? release (\d[\w.]*)/.exec(text) ?? [];
  const family = redHats.get(name);
  return family ? { family, version } : undefined;
}

/** Trivy keeps the whole text: `2023.5.20240708 (Amazon Linux)`, `2 (Karoo)`. */
function amazon(text: string): Distribution | undefined {
  const version = plainText(/^Amazon Linux release (\d.*)$/.exec(text)?.[1]);
  return version ? { family: "amazon", version } : undefined;
}

function field(line: string): [string, string] {
  const at = line.indexOf("=");
  const value = line.slice(at + 1).trim();
  const quoted = /^(["'])(.*)\1$/.exec(value)?.[2];
  return [line.slice(0, Math.max(at, 0)).trim(), (quoted ?? value).replace(/\\(["'$`\\])/g, "$1")];
}
