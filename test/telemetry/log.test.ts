import { describe, expect, it } from "vitest";
import { createLog } from "../../src/telemetry/log.ts";

function write(
  settings: { plain?: boolean; verbose?: boolean; deploymentName?: string; secrets?: string[] },
  act: (log: ReturnType<typeof createLog>) => void,
) {
  let text = "";
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  act(
    createLog({ plain: false, verbose: false, colour: false, deploymentName: undefined, secrets: [], ...settings }, destination),
  );
  return text;
}

describe("the log", () => {
  it("is JSON with a readable level and the deployment's name", () => {
    const line = JSON.parse(write({ deploymentName: "prod" }, (log) => log.info({ job: "j" }, "Job done")));
    expect(line).toMatchObject({ level: "info", deployment: "prod", job: "j", msg: "Job done" });
  });

  it("is one line for people, with the build first and digests short", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const text = write({ plain: true }, (log) =>
      log.info({ job: "build-1", subject: "shop/cart-1", seconds: 1.5, output: `quay.io/x@${digest}` }, "Job done"),
    );
    expect(text.trimEnd().split("\n")).toHaveLength(1);
    expect(text).toContain("Job done  shop/cart-1  seconds=1.5  output=quay.io/x@sha256:aaaaaaaaaaaa…");
  });

  it.each([false, true])("shows no debug lines unless asked to (plain: %s)", (plain) => {
    expect(write({ plain }, (log) => log.debug("detail"))).toBe("");
    expect(write({ plain, verbose: true }, (log) => log.debug("detail"))).toContain("detail");
  });

  it.each([false, true])("replaces known secrets wherever they appear (plain: %s)", (plain) => {
    const secret = 'p"ss w/rd';
    const text = write({ plain, secrets: [secret] }, (log) => {
      log.info({ error: `failed with ${secret}` }, `message with ${secret}`);
      log.info(`as a query: ${encodeURIComponent(secret)}`);
    });
    expect(text).not.toMatch(/p\\?"ss|p%22ss/);
    expect(text.match(/\*\*\*/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it("hides fields that hold secrets by their name", () => {
    expect(write({}, (log) => log.info({ login: { user: "me", password: "TOPSECRET" }, token: "TOPSECRET" }, "x"))).not.toContain(
      "TOPSECRET",
    );
  });

  it.each(["info", "a", "msg", "level", "Job"])("is a log still when the password is %j", (secret) => {
    const line = JSON.parse(write({ secrets: [secret] }, (log) => log.info({ error: `login me:${secret}@host` }, "Information")));
    expect(line).toEqual({ level: "info", time: expect.stringMatching(/^2/), error: "login me:***@host", msg: "Information" });
  });

  it.each([false, true])("stays one line without anything that acts on a terminal (plain: %s)", (plain) => {
    const hostile = 'x\u001b[2J\n{"level":"error"}\u0085\u009b\u2028\u202e';
    const text = write({ plain }, (log) => log.info({ subject: hostile, list: [hostile], deep: { hostile } }, hostile));
    expect(text.trimEnd().split(/[\n\u0085\u2028]/)).toHaveLength(1);
    expect(text.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
  });
});
