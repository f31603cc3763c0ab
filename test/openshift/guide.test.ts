import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../src/cli/program.ts";
import { optionEntries } from "../../src/config/options.ts";
import { processTemplate, readTemplate, templateFiles } from "../support/templates.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const guide = readFileSync(`${root}docs/deploy.md`, "utf8");
const operating = readFileSync(`${root}docs/operate.md`, "utf8");
const troubleshooting = readFileSync(`${root}docs/troubleshooting.md`, "utf8");
const beforeAncestor = guide.slice(0, guide.indexOf("## Moving over"));
const parameters = new Set(templateFiles.flatMap((file) => readTemplate(file).parameters?.map(({ name }) => name) ?? []));

/** What is an `oc` command by itself: lines of code blocks, and quotations in the text that go on behind the verb. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^ {4,}(.*\boc .*)$/gm)].map(([, line = ""]) => line.trim());
  const quoted = [...text.matchAll(/`(oc [^`]+)`/g)].map(([, command = ""]) => command);
  return [...blocks, ...quoted].flatMap((line) => line.split(/ (?:\|\|?|&&) /)).filter((command) => command.startsWith("oc "));
}

/** The role templates name their projects themselves, and some things are in no project. */
function namesItsProject(command: string): boolean {
  const inNone = /^oc (process|new-project|get (storageclass|proxy)|patch configs\.|delete clusterrole)/;
  return / -n \S/.test(command) || inNone.test(command) || isForRole(command);
}

function isForRole(command: string): boolean {
  return command === "oc apply -f -" && appliedWithoutProject.every((template) => template.startsWith("rbac"));
}

const appliedWithoutProject = [...guide.matchAll(/-f openshift\/(\S+)\.yaml [^\n]*\| oc apply -f -/g)].map(
  ([, name = ""]) => name,
);

function parametersOf(file: string): ReadonlySet<string> {
  return new Set(readTemplate(file).parameters?.map(({ name }) => name));
}

describe("the guide to deployment", () => {
  it("has a shortest way of which every template can be made", () => {
    const [, block = ""] = /cat > deploy\.env <<'END'\n([\s\S]*?)\n\s*END/.exec(guide) ?? [];
    const given = block.split("\n").map((line) => line.trim().split("=") as [string, string]);
    const [, loop = ""] = /for t in ([\w ]+); do/.exec(guide) ?? [];
    const files = loop.split(" ").map((name) => `${name}.yaml`);
    expect(files).toEqual(["imagestream.yaml", "buildconfig.yaml", "config.yaml", "deployment.yaml"]);
    for (const file of files) {
      const known = given.filter(([name]) => parametersOf(file).has(name));
      expect(() => processTemplate(file, Object.fromEntries(known)), file).not.toThrow();
    }
    for (const [name] of given) expect(parameters).toContain(name);
  });

  it("takes six commands", () => {
    const shortest = guide.slice(guide.indexOf("## The shortest way"), guide.indexOf("`--from-repo` sends"));
    expect(shortest.split(/\n\n(?= {4}\S)/).length - 1).toBe(6);
  });

  it("says in every command which project it is for, so that none depends on the current one", () => {
    const commands = [guide, operating, troubleshooting].flatMap(commandsIn);
    expect(commands.length).toBeGreaterThan(20);
    expect(commands.filter((command) => !namesItsProject(command))).toEqual([]);
  });

  it("gives a role one project at a time, independent of deploy.env", () => {
    const loops = [...guide.matchAll(/for t in ([\w ]+); do/g)].map(([, names = ""]) => names.split(" "));
    expect(loops.length).toBeGreaterThan(1);
    expect(loops.flat().filter((name) => name.includes("rbac"))).toEqual([]);
    const updating = loops.at(-1);
    expect(updating, "applying it puts the image's name back").not.toContain("deployment");
  });

  it("ends a loop where a step fails", () => {
    const bodies = [...guide.matchAll(/; do\n([\s\S]*?)\n\s*done/g)].map(([, body = ""]) => body);
    for (const body of bodies) expect(body).toMatch(/\|\| break$/);
  });

  it("sends nothing to the cluster's build but commits", () => {
    expect(guide.match(/oc start-build [^\n`]*/g)?.filter((command) => !command.includes("--from-repo=."))).toEqual([]);
  });

  it("gives templates the parameters that they have", () => {
    const calls = [...guide.matchAll(/oc process --local -f openshift\/([\w-]+\.yaml)((?: -p \w+=\S+)*)/g)];
    expect(calls.length).toBeGreaterThan(3);
    for (const [, file = "", flags = ""] of calls) {
      for (const [, name] of flags.matchAll(/-p (\w+)=/g)) expect(parametersOf(file), file).toContain(name);
    }
  });

  it("names settings and parameters that there are", () => {
    const args = [...readFileSync(`${root}Dockerfile`, "utf8").matchAll(/^ARG (\w+)=/gm)].map(([, name = ""]) => name);
    const known = new Set([...optionEntries.map(([, { env }]) => env), ...parameters, ...args]);
    const named = [...`${beforeAncestor}${troubleshooting}`.matchAll(/\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b/g)].map(
      ([name]) => name,
    );
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
  });

  it("runs commands that the bot has", () => {
    const calls = [...`${guide}${troubleshooting}`.matchAll(/-- build-watcher ([a-z][^`|\n]*)/g)].map(([, words = ""]) =>
      words.replace(/\$\([^)]*\)/, "quay.io/org/app:1").trim(),
    );
    expect(calls).toContain("check");
    for (const words of calls) expect(parseArguments(words.split(" "), { version: "" }).command, words).not.toBe("print");
  });

  it("links to headings that there are, on every page of the guides", () => {
    const pages = { "deploy.md": guide, "operate.md": operating, "troubleshooting.md": troubleshooting };
    const anchors = (text: string) =>
      [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
    for (const [page, text] of Object.entries(pages)) {
      for (const [, file = "", anchor = ""] of text.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)) {
        const target = file === "" ? text : Object.entries(pages).find(([name]) => name === file)?.[1];
        if (target) expect(anchors(target), `${page}: ${file}#${anchor}`).toContain(anchor);
      }
    }
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
    const ofAll = ["deployment", "service", "route", "buildconfig", "imagestream"];
    expect([...new Set(kinds)].filter((kind) => !ofAll.includes(kind) && !removed.has(kind))).toEqual([]);
  });
});
