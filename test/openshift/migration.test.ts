import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { runProgram } from "../support/programs.ts";

const guide = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
const moving = guide.slice(guide.indexOf("## Moving over"));
const commands = [...moving.matchAll(/^ {4}(\S.*)$/gm)].map(([, line = ""]) => line);

/** Runs the guide's lines that hold a text, in a directory of their own, with an `oc` that prints what the case has. */
function run(texts: readonly string[], answers: Readonly<Record<string, string>>): (file: string) => string {
  const directory = mkdtempSync(join(tmpdir(), "build-watcher-moving-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const cases = Object.entries(answers).map(([name, answer], index) => {
    writeFileSync(join(directory, `answer${index}`), answer);
    return `*"${name}"*) cat ${directory}/answer${index};;`;
  });
  writeFileSync(join(directory, "oc"), `#!/bin/sh\ncase "$*" in ${cases.join("\n")} *) exit 1;; esac\n`);
  chmodSync(join(directory, "oc"), 0o755);
  const lines = commands.filter((line) => texts.some((text) => line.includes(text)));
  expect(lines.length).toBe(texts.length);
  runProgram("sh", ["-c", `cd ${directory}; PATH=${directory}:$PATH; { ${lines.join("\n")}\n} > printed || true`]);
  return (file) => readFileSync(join(directory, file), "utf8");
}

it("takes the old bot's variables along, quoted as oc reads deploy.env, and names those without a value", () => {
  const list = [
    "# deploymentconfigs/build-watcher-shop, container build-watcher",
    "THOTH_WATCHED_NAMESPACE=shop",
    "THOTH_DST_REGISTRY_USER=org+robot",
    "THOTH_DST_REGISTRY_PASSWORD=pa$$ w\\rd#it's=1",
    "KUBERNETES_VERIFY_TLS=0",
    "# PROMETHEUS_PUSHGATEWAY_HOST from configmap thoth-build-watcher, key host",
  ].join("\n");
  const read = run(["> deploy.env", "^# ([A-Z_]+) from"], { "set env dc/build-watcher-shop --list": `${list}\n` });
  expect(read("deploy.env").trimEnd().split("\n")).toEqual([
    "THOTH_WATCHED_NAMESPACE='shop'",
    "THOTH_DST_REGISTRY_USER='org+robot'",
    "THOTH_DST_REGISTRY_PASSWORD='pa$$ w\\\\rd#it's=1'",
  ]);
  expect(read("printed")).toBe("PROMETHEUS_PUSHGATEWAY_HOST: configmap thoth-build-watcher, key host\n");
});

it("compares the names of the copies that both bots make, of images by digest as well", () => {
  const [app, base] = ["registry.example.com/shop/app:latest", `registry.example.com/ubi9/nodejs@sha256:${"ab".repeat(32)}`];
  const log = (kind: string, image: string, copy: string) =>
    `INFO Pushing ${kind} image '${image}' to an external push registry 'quay.io/org/repo'\nINFO Successfully pushed ${kind} image to '${copy}'\n`;
  const copies = ["quay.io/org/repo:app-latest", `quay.io/org/repo:nodejs-${"ab".repeat(32)}`];
  const read = run(["> images.txt", "> new-copies.txt", "> old-copies.txt", "diff old-copies.txt"], {
    "logs dc/": `${log("output", app, copies[0] ?? "")}${log("base", base, copies[1] ?? "")}`,
    "copy --dry-run registry.example.com": `${app} -> ${copies[0]}\n${base} -> quay.io/org/other:nodejs\n`,
  });
  expect(read("images.txt").trim().split("\n")).toEqual([app, base]);
  expect(read("printed").split("\n")).toEqual(expect.arrayContaining([`< ${copies[1]}`, "> quay.io/org/other:nodejs"]));
});

it("compares the builds that both bots submit", () => {
  const queued = (build: string) =>
    `INFO thoth.build_watcher: Queueing build log based on build event '${build}' for further processing`;
  const done = (subject: string, msg: string) => JSON.stringify({ level: "info", subject, job: "build-1", seconds: 1, msg });
  const read = run(["> old.txt", "> new.txt", "diff old.txt"], {
    "logs dc/": `${[queued("app-2"), queued("app-1"), queued("app-1"), "DEBUG Ignoring build event for 'app-3'"].join("\n")}\n`,
    "logs deployment/": `${[done("shop/app-2", "Job done"), done("shop/app-4", "Job done"), done("bank/x-1", "Job done"), done("shop/app-9", "Job failed")].join("\n")}\n`,
  });
  expect(read("old.txt")).toBe("app-1\napp-2\n");
  expect(read("new.txt")).toBe("app-2\napp-4\n");
  expect(read("printed").split("\n")).toEqual(expect.arrayContaining(["< app-1", "> app-4"]));
});
