import type { PackageDatabase } from "./database.ts";
import { java } from "./languages/java.ts";
import { npm } from "./languages/npm.ts";
import { python } from "./languages/python.ts";
import { apk } from "./system/apk.ts";
import { dpkg } from "./system/dpkg.ts";
import { osRelease, releaseFiles } from "./system/os-release.ts";
import { redHatContent } from "./system/red-hat.ts";
import { rpmBerkeley, rpmNdb, rpmSqlite } from "./system/rpm.ts";
import { rpmManifest } from "./system/rpm-manifest.ts";

/** All databases that are recognized by file names. Go's build info is not among them: it is inside programs and is found by its bytes. */
export const databases: readonly PackageDatabase[] = [
  osRelease,
  releaseFiles,
  dpkg,
  apk,
  rpmSqlite,
  rpmNdb,
  rpmBerkeley,
  rpmManifest,
  redHatContent,
  npm,
  python,
  java,
];
