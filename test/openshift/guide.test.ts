import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../src/cli/program.ts";
import { optionEntries } from "../../src/config/options.ts";
import { processTemplate, readTemplate, templateFiles } from "../support/templates.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const guide = readFileSync(`${root}docs/deploy.md`, "utf8");
const beforeAncestor = guide.slice(0, guide.indexOf("## Moving over"));
const parameters = new Set(templateFiles.flatMap((file) => readTemplate(file).parameters?.map(({ name }) => name) ?? []));

function parametersOf(file: string): ReadonlySet<string> {
  return new Set(readTemplate(file).parameters?.map(({ name }) => name));
}

describe("the guide to deployment", () => {
  it("has a shortest way of which every template can be made", () => {
    const [, block = ""] = /cat > deploy\.env <<END\n([\s\S]*?)\n\s*END/.exec(guide) ?? [];
    const given = block.split("\n").map((line) => line.trim().split("=") as [string, string]);
    const [, loop = ""] = /for t in ([\w ]+); do/.exec(guide) ?? [];
    const files = loop.split(" ").map((name) => `${name}.yaml`);
    expect(files).toEqual(["rbac.yaml", "imagestream.yaml", "buildconfig.yaml", "config.yaml", "deployment.yaml"]);
    for (const file of files) {
      const known = given.filter(([name]) => parametersOf(file).has(name));
      expect(() => processTemplate(file, Object.fromEntries(known)), file).not.toThrow();
    }
    for (const [name] of given) expect(parameters).toContain(name);
  });

  it("takes five commands", () => {
    const shortest = guide.slice(guide.indexOf("## The shortest way"), guide.indexOf("When the image is pushed"));
    expect(shortest.split(/\n\n(?= {4}\S)/).length - 1).toBe(5);
  });

  it("gives templates the parameters that they have", () => {
    const calls = [...guide.matchAll(/oc process --local -f openshift\/([\w-]+\.yaml)((?: -p \w+=\S+)*)/g)];
    expect(calls.length).toBeGreaterThan(3);
    for (const [, file = "", flags = ""] of calls) {
      for (const [, name] of flags.matchAll(/-p (\w+)=/g)) expect(parametersOf(file), file).toContain(name);
    }
  });

  it("names settings and parameters that there are", () => {
    const known = new Set([...optionEntries.map(([, { env }]) => env), ...parameters]);
    const named = [...beforeAncestor.matchAll(/\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
  });

  it("runs commands that the bot has", () => {
    const calls = [...guide.matchAll(/node dist\/main\.js ([a-z][^`\n]*)/g)].map(([, words = ""]) => words.trim());
    expect(calls).toContain("check");
    for (const words of calls) expect(parseArguments(words.split(" "), { version: "" }).command, words).not.toBe("print");
  });

  it("links to pages that exist, and has a row for every template", () => {
    for (const [, path = ""] of guide.matchAll(/\]\(([\w./-]+)\)/g)) expect(existsSync(`${root}docs/${path}`), path).toBe(true);
    for (const file of templateFiles) expect(guide).toContain(`| \`openshift/${file}\` |`);
  });

  it("removes by the label that everything has", () => {
    const removals = [...guide.matchAll(/oc delete (\S+) -l ([\w=-]+)/g)].filter(([, , label]) => label === "app=build-watcher");
    const removed = new Set(removals.flatMap(([, kinds = ""]) => kinds.split(",")));
    const kinds = templateFiles.flatMap((file) =>
      readTemplate(file).objects.map((object) => (object as { kind: string }).kind.toLowerCase()),
    );
    const ofAll = ["deployment", "service", "buildconfig", "imagestream"];
    expect([...new Set(kinds)].filter((kind) => !ofAll.includes(kind) && !removed.has(kind))).toEqual([]);
  });
});
