import type { FoundPackage } from "../../inventory.ts";
import { type Findings, fileLimits, mostPackages, type PackageDatabase, plainText } from "../database.ts";
import { lines } from "../stanzas.ts";
import { sourceOf } from "./rpm-header.ts";

/**
 * `container-manifest-2`, the list that Azure Linux puts into images without rpm: name, version-release, two times, vendor, epoch, size, architecture,
 * epoch as a number and source package, separated by tabs.
 */
export const rpmManifest: PackageDatabase = {
  name: "rpm manifest",
  limit: fileLimits.text,
  places: ["var/lib/rpmmanifest/container-manifest-2"],
  owns: (path) => /(?:^|\/)container-manifest-2$/.test(path),
  read({ bytes }): Findings {
    const packages: FoundPackage[] = [];
    let broken = 0;
    for (const line of lines(bytes)) {
      if (line === "") continue;
      if (packages.length >= mostPackages) throw new RangeError(`it has more than ${mostPackages} packages`);
      const found = packageOf(line);
      if (found) packages.push(found);
      else broken++;
    }
    return { packages, troubles: broken > 0 ? [`${broken} of its lines have unexpected fields`] : [] };
  },
};

function packageOf(line: string): FoundPackage | undefined {
  const fields = line.split("\t").map(plainText);
  const [name, version, , , , , , architecture, epochText, sourceRpm] = fields;
  if (fields.length !== 10 || !name || !version) return undefined;
  const epoch = Number(epochText);
  const full = epoch > 0 ? `${epoch}:${version}` : version;
  const source = sourceOf(sourceRpm, epoch);
  return { ecosystem: "rpm", name, version: full, ...(architecture && { architecture }), ...(source && { source }) };
}
