import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

describe("the demo", () => {
  it("does the bot's main job before one's eyes and ends by itself", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["src/main.ts", "demo"], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("the User API received 5 submissions, of 5 expected");
    expect(stdout.match(/"msg":"Job done"/g)).toHaveLength(5);
  });
});
