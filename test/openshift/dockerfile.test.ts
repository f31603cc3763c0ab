import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { deploy } from "../support/deployed.ts";
import { copiedFromContext, readStages, type Stage } from "../support/dockerfile.ts";
import { processTemplate } from "../support/templates.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  version: string;
  description: string;
  license: string;
  engines: { node: string };
};
const [build, final, ...more] = readStages(`${root}Dockerfile`) as [Stage, Stage];

function textsOf({ instructions }: Stage, name: string): readonly string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

describe("the Dockerfile", () => {
  it("has a stage that builds and one that is left", () => {
    expect(build.name).toBe("build");
    expect(final.name).toBeUndefined();
    expect(more).toEqual([]);
  });

  it("copies exactly the files that are needed, and .dockerignore lets them through", () => {
    const copied = [build, final].flatMap(({ instructions }) => instructions.flatMap((one) => copiedFromContext(one) ?? []));
    expect(copied.filter((path) => !existsSync(root + path))).toEqual([]);
    const [everything, ...kept] = readFileSync(`${root}.dockerignore`, "utf8")
      .split("\n")
      .filter((line) => line && !line.startsWith("#"));
    expect(everything).toBe("*");
    expect(kept.sort()).toEqual([...new Set(copied)].map((path) => `!${path}`).sort());
  });

  it("runs the Node.js that package.json asks for, in both stages", () => {
    const major = /\d+/.exec(manifest.engines.node)?.[0];
    for (const { image } of [build, final]) expect(image).toContain(`ubi9/nodejs-${major}`);
  });

  it("takes what the build stage made, without what only building needs", () => {
    const runs = textsOf(build, "RUN").join("\n");
    expect(runs).toMatch(/npm ci [^&]*--omit=dev/);
    const taken = textsOf(final, "COPY").filter((text) => text.startsWith("--from=build"));
    expect(taken.map((text) => text.split(" ").at(-1))).toEqual(["./node_modules", "./dist"]);
    expect(textsOf(final, "RUN").join("\n")).not.toMatch(/npm|tsc|gcc|make/);
  });

  it("builds as package.json says, so that nothing is left out, and looks for what the server needs", () => {
    expect(textsOf(build, "RUN").join("\n")).toMatch(/(?:^|&& )npm run build &&/m);
    const smoke = textsOf(final, "RUN").at(-1) ?? "";
    expect(smoke).toContain("bin/build-watcher.js jobs");
    const [, path = ""] = /import\("\.\/dist\/([^"]+)\.js"\)/.exec(smoke) ?? [];
    expect(readFileSync(`${root}src/${path}.ts`, "utf8")).toContain("../assets/");
  });

  it("adds skopeo from the distribution, and nothing else", () => {
    const [install, ...others] = textsOf(final, "RUN").filter((text) => /(?:microdnf|dnf|yum) install/.test(text));
    const words =
      install
        ?.split("&&")[0]
        ?.split(" ")
        .filter((word) => word && !word.startsWith("-")) ?? [];
    expect(words).toEqual(["microdnf", "install", "skopeo"]);
    expect(others).toEqual([]);
  });

  it("ends as a user by number that is not root, where the file system is read-only", () => {
    expect(textsOf(final, "USER").at(-1)).toMatch(/^[1-9]\d*$/);
    expect(textsOf(final, "VOLUME")).toEqual([]);
  });

  it("starts what the pod starts, which the build makes", () => {
    const command = JSON.parse(textsOf(final, "CMD").at(-1) ?? "[]") as string[];
    expect(command).toEqual(deploy().container.command);
    expect(existsSync(`${root}src/${command[1]?.replace("dist/", "").replace(/\.js$/, ".ts")}`)).toBe(true);
    expect(textsOf(final, "WORKDIR")).toEqual(textsOf(build, "WORKDIR"));
  });

  it("leaves health to the probes", () => {
    expect([build, final].flatMap((stage) => textsOf(stage, "HEALTHCHECK"))).toEqual([]);
  });

  it("has the labels of the OCI image specification, true to package.json", () => {
    const labels = Object.fromEntries(
      [
        ...textsOf(final, "LABEL")
          .join(" ")
          .matchAll(/(org\.opencontainers\.image\.[\w.]+)="([^"]*)"/g),
      ].map(([, key, value]) => [key, value]),
    );
    expect(labels).toEqual({
      "org.opencontainers.image.title": "build-watcher",
      "org.opencontainers.image.description": manifest.description,
      "org.opencontainers.image.licenses": manifest.license,
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.base.name": `\${RUN_BASE}`,
    });
  });

  it("ends in the image that the BuildConfig puts in its place", () => {
    const [config] = processTemplate("buildconfig.yaml") as unknown as [
      { spec: { strategy: { dockerStrategy: { from: { name: string } } } } },
    ];
    expect(config.spec.strategy.dockerStrategy.from.name).toBe(final.image);
  });
});
