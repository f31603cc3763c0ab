import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { compiled, programPath } from "./support/bot-process.ts";

describe("the demo", () => {
  it("shows the bot's main job with one line per event and totals that add up, and ends by itself", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [programPath, "demo", "--fast"], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^▶ Open the bot's page: http:\/\/127\.0\.0\.1:\d+$/m);
    expect(stdout.match(/^ {4}bot: submitted .* to Thoth$/gm)).toHaveLength(7);
    expect(stdout.match(/^ {4}bot: looked for packages in /gm)).toHaveLength(8);
    expect(stdout).toMatch(/bot: .*ray-example-1, AnalyzerUnavailable/);
    expect(stdout).toMatch(/bot: gave up golang-builder\/go-hello-arm-1 \(AnalyzerRejected\)/);
    expect(stdout).toContain("9 builds ended: 7 succeeded, 1 failed, 1 cancelled.");
    expect(stdout).toMatch(
      / 8 images\.\n. Thoth: 7 submitted, 1 refused by the service\.\n. Packages: the bot itself looked into 8\.$/m,
    );
    expect(stdout).toMatch(/^golang-builder\/golang-builder$[^▶]*^ {2}openssl 3\.0\.11\S* \(own layer\)$/m);
    expect(stdout).toMatch(/^golang-builder\/go-hello-world-appimage$[^▶]*^ {2}openssl .*\(from the base: fix it in /m);
    expect(stdout).toMatch(
      /^Pipeline:golang-builder\/go-hello-tekton$[^▶]*^ {2}openssl .*\(from the base: fix it in golang-builder\/golang-builder\)$/m,
    );
    expect(stdout).toMatch(/^6 images read\. The packages of 2 more are not known, so it can be there, too\.$/m);
    expect(stdout).toMatch(/^▶ Next: npm start -- check /m);
  });
});
