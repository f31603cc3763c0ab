import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { renderOperatePage } from "../scripts/operate-page.ts";
import { renderRbacTemplates } from "../scripts/rbac-template.ts";
import { renderSourcesPage } from "../scripts/sources-page.ts";
import { optionEntries, options } from "../src/config/options.ts";
import { failureReasons } from "../src/core/jobs/errors.ts";
import { openEmbeddedQueue } from "../src/queue/index.ts";
import { metricTable } from "../src/telemetry/metric-table.ts";
import { temporaryDirectory } from "./queue/embedded-storage.ts";
import { buildJob, result } from "./queue/jobs.ts";
import { createWorld } from "./support/bot.ts";
import { digestOf } from "./support/fixtures.ts";
import { requirePrograms } from "./support/programs.ts";
import { imageOf } from "./support/submissions.ts";
import { readTemplate } from "./support/templates.ts";

const page = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");

/** The commands in the page: indented lines. */
const commands = page.split("\n").filter((line) => line.startsWith("    "));

describe("docs/operate.md", () => {
  it("has the tables of failures and metrics as they are declared", () => {
    expect(renderOperatePage(page), "docs/operate.md is not up to date: npm run docs").toBe(page);
  });

  it.each(Object.entries(failureReasons))("says what to do about %s", (reason, { remedy }) => {
    expect(page).toContain(`| \`${reason}\` |`);
    expect(page).toContain(remedy);
  });

  it("has every alert, and no other", () => {
    const alerts = JSON.stringify(readTemplate("monitoring.yaml").objects).match(/(?<="alert":")\w+/g) ?? [];
    const told = [...page.matchAll(/^\| `(BuildWatcher\w+)` \|/gm)].map(([, name]) => name);
    expect(told.toSorted()).toEqual(alerts.toSorted());
  });

  it("names only metrics that exist", () => {
    const names: readonly string[] = Object.values(metricTable).map(({ name }) => name);
    for (const [name] of page.matchAll(/\bbuild_watcher_\w+/g)) expect(names).toContain(name);
  });

  it("has links that lead somewhere within the page", () => {
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    for (const [, anchor] of page.matchAll(/\]\(#([^)]*)\)/g)) expect(headings).toContain(anchor);
  });

  it("has a backup command that works while a bot runs, and gives a ledger that a bot can use", async () => {
    const [, script = ""] = /node -e '(.*)'$/.exec(commands.find((line) => line.includes("VACUUM INTO")) ?? "") ?? [];
    const directory = temporaryDirectory();
    const restored = temporaryDirectory();
    for (const path of [directory, restored]) onTestFinished(() => rmSync(path, { recursive: true }));
    const settings = { workers: 1, jobTimeout: 60_000, giveUpAfter: 60_000 };
    const queue = openEmbeddedQueue({ ...settings, directory });
    queue.work(async () => result);
    for (const number of [1, 2, 3]) await queue.add(buildJob(number));
    await queue.idle();
    const backup = join(restored, "ledger.db");
    const environment = { PATH: process.env.PATH, BUILD_WATCHER_STATE_DIR: directory };
    const ran = spawnSync(process.execPath, ["-e", script.replace("/tmp/ledger.db", `${directory}/backup.db`)], {
      env: environment,
    });
    expect(String(ran.stderr)).toBe("");
    copyFileSync(`${directory}/backup.db`, backup);
    await queue.close();
    const next = openEmbeddedQueue({ ...settings, directory: restored });
    expect((await next.counts()).done).toBe(3);
    expect(await next.add(buildJob(1))).toBe("already-known");
    await next.close();
  });
});

it("docs/registries.md names only settings and failures that exist", () => {
  const text = readFileSync(new URL("../docs/registries.md", import.meta.url), "utf8");
  const settings = new Set(optionEntries.map(([, { env }]) => env));
  for (const [name] of text.matchAll(/\b(?:THOTH|BUILD_WATCHER)_[A-Z_]+\b/g)) expect(settings).toContain(name);
  for (const [, reason = ""] of text.matchAll(/(?:with|is|fails? with|or) `([A-Z][a-z]\w+)`/g))
    expect(Object.keys(failureReasons)).toContain(reason);
});

it("docs/analyzers.md has a row for each analyzer, with the address that it needs", () => {
  const text = readFileSync(new URL("../docs/analyzers.md", import.meta.url), "utf8");
  const addresses = optionEntries.flatMap(([, option]) =>
    "neededBy" in option && /_(?:URL|HOST)$/.test(option.env) ? [[option.neededBy, option.env] as const] : [],
  );
  const addressOf = new Map<string | undefined, string>(addresses);
  for (const name of options.analyzers.choices.filter((choice) => choice !== "none"))
    expect(text).toMatch(new RegExp(`^\\| \`${name}\` \\|.*${addressOf.get(name) ?? ""}`, "m"));
});

describe("what is derived from the build systems", () => {
  it.each(Object.entries(renderRbacTemplates()))("openshift/%s is as they need it", (file, expected) => {
    const actual = readFileSync(new URL(`../openshift/${file}`, import.meta.url), "utf8");
    expect(actual, `openshift/${file} is not up to date: npm run docs`).toBe(expected);
  });

  it("docs/sources.md has their names and rights", () => {
    const sources = readFileSync(new URL("../docs/sources.md", import.meta.url), "utf8");
    expect(renderSourcesPage(sources), "docs/sources.md is not up to date: npm run docs").toBe(sources);
    const deploy = readFileSync(new URL("../docs/deploy.md", import.meta.url), "utf8");
    for (const file of Object.keys(renderRbacTemplates())) expect(deploy).toContain(`| \`openshift/${file}\` |`);
  });
});

requirePrograms("curl", "openssl")("docs/operate.md", () => {
  it("has a signed call that the bot takes", async () => {
    await using world = await createWorld();
    const secret = "0123456789abcdef0123456789abcdef";
    const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0", BUILD_WATCHER_WEBHOOK_SECRET: secret });
    const { url } = await bot.logged((line) => line.url !== undefined);
    const example = commands.slice(commands.findIndex((line) => line.startsWith("    body=")));
    const script = example.slice(0, example.findIndex((line) => line.includes("/webhooks/cloudevents")) + 1).join("\n");
    const adapted = script.replace("http://localhost:8080", String(url)).replace("sha256:…", digestOf("app"));
    const env = { PATH: process.env.PATH, BUILD_WATCHER_WEBHOOK_SECRET: secret };
    const { stdout } = await promisify(execFile)("sh", ["-c", `set -e; ${adapted}`], { env });
    expect(JSON.parse(stdout)).toEqual({ new: 1, known: 0, busy: 0, ignored: 0 });
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(world.analysis.submissions.map(imageOf)).toEqual([`quay.io/shop/app@${digestOf("app")}`]);
  });
});
