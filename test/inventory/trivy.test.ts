import { readFileSync } from "node:fs";
import { compareWithTrivy, type LayerFiles, text } from "../support/against-trivy.ts";
import { makeZip } from "../support/zip.ts";

const pom = (artifact: string, version: string) => ({
  name: `META-INF/maven/org.example/${artifact}/pom.properties`,
  bytes: Buffer.from(text("groupId=org.example", `artifactId=${artifact}`, `version=${version}`)),
});

/** Everything that is read, in one image on a Debian. */
const everything = (): LayerFiles => [
  {
    "etc/os-release": text("ID=debian", 'VERSION_ID="12"'),
    "etc/debian_version": text("12.7"),
    "var/lib/dpkg/status": readFileSync("/var/lib/dpkg/status"),
  },
  {
    "app/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0","license":"MIT"}',
    "app/node_modules/@babel/core/package.json": '{"name":"@babel/core","version":"7.0.0"}',
    "usr/lib/python3/dist-packages/Flask_Login-0.6.dist-info/METADATA": text(
      "Metadata-Version: 2.1",
      "Name: Flask_Login",
      "Version: 0.6",
    ),
    "usr/lib/python3/dist-packages/ruamel.yaml-0.18.egg-info/PKG-INFO": text(
      "Metadata-Version: 2.1",
      "Name: ruamel.yaml",
      "Version: 0.18",
    ),
    "app/app.jar": makeZip([
      pom("thing", "1.2"),
      { name: "BOOT-INF/lib/inner-2.14.1.jar", bytes: makeZip([pom("inner", "2.14.1")]) },
    ]),
  },
];

compareWithTrivy([["a Debian with packages of every language", everything]]);
