import { compareWithTrivy, type LayerFiles, text } from "../support/against-trivy.ts";
import { goProgram } from "../support/go-program.ts";
import { rpmDatabase } from "../support/rpm.ts";

const alpine = (): LayerFiles => [
  {
    "etc/os-release": text("ID=alpine", "VERSION_ID=3.20.3"),
    "etc/alpine-release": text("3.20.3"),
    "lib/apk/db/installed": text(
      ...["P:musl", "V:1.2.5-r0", "A:x86_64", "L:MIT", "o:musl", ""],
      ...["P:libcrypto3", "V:3.3.2-r0", "A:x86_64", "L:Apache-2.0", "o:openssl", ""],
      ...["P:libstdc++", "V:13.2.1_git20240309-r0", "A:x86_64", "L:GPL-2.0-or-later AND LGPL-2.1-or-later", "o:gcc", ""],
    ),
  },
  {
    "usr/bin/app": goProgram("go1.22.5", [
      ["path", "example.com/app"],
      ["mod", "example.com/app", "v1.2.3", "h1:abc="],
      ["dep", "github.com/Azure/go-ntlmssp", "v0.0.0-20221128193559-754e69321358", "h1:abc="],
      ["dep", "golang.org/x/net", "v0.24.0"],
      ["=>", "golang.org/x/net", "v0.25.0", "h1:abc="],
      ["dep", "gopkg.in/yaml.v3", "v3.0.1", "h1:abc="],
    ]),
  },
];

const redHat = (): LayerFiles => [
  {
    "etc/os-release": text('ID="rhel"', 'VERSION_ID="9.4"'),
    "etc/redhat-release": text("Red Hat Enterprise Linux release 9.4 (Plow)"),
    "var/lib/rpm/rpmdb.sqlite": rpmDatabase([
      { name: "openssl-libs", version: "3.0.7", release: "27.el9", epoch: 1, sourceRpm: "openssl-3.0.7-27.el9.src.rpm" },
      { name: "libstdc++", version: "11.4.1", release: "3.el9" },
      { name: "perl", version: "5.1^git", release: "1~2", architecture: "noarch", modularity: "perl:5.30:8010:x" },
    ]).database,
  },
];

compareWithTrivy([
  ["a Red Hat", redHat],
  ["an Alpine with a program of Go's", alpine],
]);
