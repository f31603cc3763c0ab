import type { Ecosystem } from "../inventory.ts";
import { compareApk } from "./apk.ts";
import { compareDeb } from "./deb.ts";
import { compareMaven } from "./maven.ts";
import { comparePypi } from "./pypi.ts";
import { compareRpm } from "./rpm.ts";
import { compareSemver } from "./semver.ts";

/** Each ecosystem's order of versions: less than 0 if `a` comes first. */
export const compareVersions: Readonly<Record<Ecosystem, (a: string, b: string) => number>> = {
  deb: compareDeb,
  rpm: compareRpm,
  apk: compareApk,
  npm: compareSemver,
  golang: compareSemver,
  pypi: comparePypi,
  maven: compareMaven,
};
