import type { FoundPackage } from "../../inventory.ts";
import { type Findings, fileLimits, type PackageDatabase, plainText } from "../database.ts";
import { eachStanza } from "../stanzas.ts";

/** apk's list of what is installed, https://wiki.alpinelinux.org/wiki/Apk_spec. */
export const apk: PackageDatabase = {
  name: "apk",
  limit: fileLimits.database,
  places: ["lib/apk/db/installed", "usr/lib/apk/db/installed"],
  owns: (path) => /(?:^|\/)db\/installed$/.test(path),
  read({ bytes }): Findings {
    const packages: FoundPackage[] = [];
    const troubles = eachStanza(bytes, ["P", "V", "A", "o", "L"], (stanza) => {
      const [name, version] = [plainText(stanza.get("P")), plainText(stanza.get("V"))];
      if (!name || !version) return false;
      packages.push(packageOf(name, version, stanza));
      return true;
    });
    return { packages, troubles };
  },
};

function packageOf(name: string, version: string, stanza: ReadonlyMap<string, string>): FoundPackage {
  const [architecture, licence] = [plainText(stanza.get("A")), plainText(stanza.get("L"))];
  const source = { name: plainText(stanza.get("o")) ?? name, version };
  return { ecosystem: "apk", name, version, ...(architecture && { architecture }), ...(licence && { licence }), source };
}
