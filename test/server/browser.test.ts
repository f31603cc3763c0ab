import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { demoNamespace } from "../../src/demo/build-scenes.ts";
import { furnishCluster, playScenario } from "../../src/demo/scenario.ts";
import { type Bot, createWorld, type World } from "../support/bot.ts";
import { type Browser, launchBrowser, type Page, watchComplaints } from "../support/browser.ts";
import { openPageServer } from "../support/page-server.ts";
import { requirePrograms } from "../support/programs.ts";
import { attacks, hostileJob, hostileResult } from "./hostile.ts";
import { job } from "./records.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const phone = { width: 360, height: 740 };

type VisitedPage = Page & AsyncDisposable;

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

requirePrograms("chromium")("the page in a browser", () => {
  let browser: Browser;
  let usual: Page | undefined;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser.close());

  /** The page of all tests that ask for nothing special: opening one takes longer than most of them. Servers differ in their ports. */
  async function usualPage(): Promise<Page> {
    const page = usual ?? (await browser.newPage());
    usual = page;
    onTestFinished(async () => {
      page.removeAllListeners();
      await page.unrouteAll();
      await page.setViewportSize({ width: 1280, height: 720 });
    });
    return page;
  }

  async function pageWith(options: Parameters<Browser["newContext"]>[0]): Promise<Page> {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    return context.newPage();
  }

  /** A page at an address, which its test leaves before the server ends. Every complaint until then fails the test, but those it is to make. */
  async function open(url: string, options?: Parameters<Browser["newContext"]>[0], wanted?: RegExp): Promise<VisitedPage> {
    const page = await (options ? pageWith(options) : usualPage());
    const complaints = watchComplaints(page);
    await page.goto(url);
    return Object.assign(page, {
      [Symbol.asyncDispose]: async () => {
        await page.goto("about:blank");
        expect(complaints.filter((complaint) => !wanted?.test(complaint))).toEqual([]);
      },
    });
  }

  async function live(page: VisitedPage): Promise<VisitedPage> {
    await page.locator('#connection[data-state="live"]').waitFor();
    return page;
  }

  /** Serious faults of the page as it stands, in its own words. */
  async function faults(page: Page): Promise<readonly string[]> {
    const { violations } = await page.evaluate<AxeResult>(
      "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'], resultTypes: ['violations'] })",
    );
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical" || impact === "moderate")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  }

  function row(page: Page, name: string) {
    return page.locator("#jobs tbody tr").filter({ has: page.getByRole("link", { name, exact: true }) });
  }

  async function startBot(world: World): Promise<{ bot: Bot; url: string }> {
    await furnishCluster(world.cluster, undefined);
    const bot = world.bot(["--build-watcher-namespace", demoNamespace], {
      BUILD_WATCHER_SERVER: "1",
      PORT: "0",
      BUILD_WATCHER_FOLLOW: "1",
    });
    const { url } = await bot.logged(({ msg }) => String(msg).startsWith("The page is at"));
    return { bot, url: String(url) };
  }

  it("fills live, shows a failure, and turns green after the retry button", async () => {
    await using world = await createWorld({ namespace: demoNamespace });
    world.analysis.faults((_number, { body }) =>
      JSON.stringify(body ?? "").includes("ray") ? { status: 400, body: { error: "arm64 is not supported" } } : undefined,
    );
    const { url } = await startBot(world);
    await using page = await live(await open(url));
    await page.getByText("No jobs yet.").waitFor();
    await page.evaluate("window.isSamePage = true");
    await playScenario({ cluster: world.cluster, registry: undefined, tell: () => undefined, pause: async () => undefined });

    for (const name of ["golang-builder-1", "go-hello-world-appimage-1", "go-hello-world-1"]) {
      await row(page, name)
        .locator(".badge")
        .getByText(/submitted|analys/)
        .waitFor();
    }
    const ray = row(page, "ray-example-1");
    await ray.getByText("Refused by the analysis service").first().waitFor();
    await page.locator(".problems").getByText("Refused by the analysis service").waitFor();
    expect(await page.locator("#line").textContent()).toMatch(/^Jobs: /);

    world.analysis.faults(() => undefined);
    const retry = ray.getByRole("button", { name: /^Retry/ });
    await retry.focus();
    await page.keyboard.press("Enter");
    await ray
      .locator(".badge")
      .getByText(/submitted|analys/)
      .waitFor();
    await page.locator(".counts .failed b", { hasText: "0" }).waitFor();
    expect(await page.evaluate("window.isSamePage")).toBe(true);
    expect(await page.evaluate("document.activeElement !== document.body")).toBe(true);

    await ray.getByRole("link", { name: "ray-example-1" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("ray-example-1").waitFor();
    await page.getByRole("link", { name: "Show its end" }).click();
    await page.getByText("Successfully pushed registry.example.com/cpe/tracker/example-ray-job").waitFor();
  });

  it("filters, and follows the chain of builds", async () => {
    await using world = await createWorld({ namespace: demoNamespace });
    const { url } = await startBot(world);
    await playScenario({ cluster: world.cluster, registry: undefined, tell: () => undefined, pause: async () => undefined });
    await world.analysis.waitFor(({ submissions }) => submissions.length >= 4);
    await using page = await live(await open(url));
    await page.getByLabel("Text").fill("appimage");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByRole("heading", { name: "Jobs that mention “appimage”" }).waitFor();
    expect(await page.locator("#jobs tbody tr .subject").allTextContents()).toEqual(
      expect.arrayContaining(["go-hello-world-appimage-1", "go-hello-world-1"]),
    );
    expect(await row(page, "golang-builder-1").count()).toBe(0);
    await page.getByLabel("State").selectOption("failed");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByText("No jobs match these filters.").waitFor();
    await page.getByRole("link", { name: "Show all jobs" }).click();

    await row(page, "golang-builder-1").getByRole("link", { name: "golang-builder-1" }).click();
    const chain = page.locator(".chain");
    await chain.getByRole("link", { name: "go-hello-world-appimage-1" }).waitFor();
    expect(await chain.locator("li li li .link").allTextContents()).toEqual([
      expect.stringContaining("appimage-1"),
      expect.stringContaining("go-hello-world-1"),
    ]);
    await chain.getByRole("link", { name: "go-hello-world-1" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("go-hello-world-1").waitFor();
    expect(await page.locator(".chain [aria-current]").textContent()).toBe("go-hello-world-1");
  });

  it("pauses updates when asked, and keeps focus and unfolded names during updates", async () => {
    await using server = await openPageServer();
    await server.queue.add(job("shop/web-1"));
    await using page = await live(await open(server.url));
    await row(page, "web-1").locator("summary").click();
    await row(page, "web-1")
      .getByRole("button", { name: /^Try now/ })
      .focus();
    await page.evaluate("document.getElementById('pause').click()");
    await server.queue.add(job("shop/web-2"));
    await page.getByRole("button", { name: "Resume 1" }).waitFor();
    expect(await row(page, "web-2").count()).toBe(0);
    await server.queue.retry(job("shop/web-1").id);
    await page.getByRole("button", { name: "Resume 2" }).waitFor();
    await page.evaluate("document.getElementById('pause').click()");
    await row(page, "web-2").waitFor();
    await page.locator("tr.changed", { hasText: "web-1" }).waitFor();
    expect(await row(page, "web-1").locator("details").getAttribute("open")).toBe("");
    expect(await page.evaluate("document.activeElement.closest('tr')?.textContent")).toContain("web-1");
  });

  it("says across its width that it lost its bot, then reconnects and shows what it missed", async () => {
    await using server = await openPageServer();
    await using page = await live(await open(server.url, undefined, /net::ERR_FAILED/));
    await page.route("**/events**", (route) => route.abort());
    await page.evaluate("location.reload()");
    await page.locator('#connection[data-state="lost"]').waitFor();
    await page.getByText(/^Not connected to the bot since \d.*What you see is old\.$/).waitFor();
    expect(await page.evaluate("document.querySelector('#lost').offsetWidth >= document.body.clientWidth - 40")).toBe(true);
    expect(await page.title()).toBe("▲ Not connected · build-watcher");
    await server.queue.add(job("shop/web-1"));
    await page.unroute("**/events**");
    await row(page, "web-1").waitFor();
    await page.locator("#lost").waitFor({ state: "hidden" });
    expect(await page.title()).toBe("build-watcher");
  });

  it("copies an image's whole name", async () => {
    await using server = await openPageServer();
    await server.queue.add(job("shop/web-1"));
    await using page = await live(await open(server.url, { permissions: ["clipboard-read", "clipboard-write"] }));
    await row(page, "web-1").locator("summary").click();
    await row(page, "web-1").getByRole("button", { name: /^Copy/ }).click();
    await row(page, "web-1").getByText("Copied").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toMatch(
      /^registry\.example:5000\/shop\/web@sha256:[0-9a-f]{64}$/,
    );
  });

  it("works without script", async () => {
    await using server = await openPageServer();
    await server.queue.add(job("shop/web-1"));
    await using page = await open(server.url, { javaScriptEnabled: false });
    expect(await page.locator(".live").isVisible()).toBe(false);
    await row(page, "web-1")
      .getByRole("button", { name: /^Dismiss/ })
      .click();
    await row(page, "web-1").getByText("dismissed").first().waitFor();
    await row(page, "web-1").locator("summary").click();
    expect(await row(page, "web-1").locator(".full code").isVisible()).toBe(true);
  });

  it("has no serious fault that axe finds, light, dark and narrow", async () => {
    await using server = await openPageServer({ namespaces: ["shop", "bank"] });
    await using empty = await openPageServer();
    const { JobError } = await import("../../src/core/jobs/errors.ts");
    for (const name of ["shop/base-1", "shop/web-1", "shop/bad-1"])
      await server.queue.add(job(name, name === "shop/web-1" ? { on: "shop/base-1" } : {}));
    server.activity.see({ kind: "trouble", namespace: "bank", reason: "Forbidden", message: "Grant it", retryIn: 0 });
    server.work(async ({ build }) => {
      if (build?.name === "bad-1") throw new JobError("ImageNotFound", "gone");
      return { analyses: [{ of: "output", id: "a", cached: true, state: "running" }], notes: [], link: "https://thoth.example" };
    });
    await server.queue.idle();
    const pages = [
      `${empty.url}/`,
      `${server.url}/jobs/${job("shop/web-1").id}?log=1`,
      `${server.url}/jobs/${job("shop/bad-1").id}`,
      `${server.url}/`,
    ];
    await using page = await open(`${empty.url}/`, { bypassCSP: true });
    for (const url of pages) {
      await page.goto(url);
      await page.addScriptTag({ content: axe });
      expect(await faults(page), url).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await faults(page), "dark").toEqual([]);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(phone);
    expect(await faults(page), "narrow").toEqual([]);
  });

  it("gives each analyzer's name and state a line, and keeps them in their column, at any width", async () => {
    await using server = await openPageServer();
    const { JobError } = await import("../../src/core/jobs/errors.ts");
    const first = job("shop/web-1");
    for (const analyzer of ["thoth", "dependency-track", "harbor-scanner"])
      await server.queue.add(
        analyzer === "thoth" ? first : { ...first, id: `${first.id}-${analyzer}`, group: first.id, analyzer },
      );
    const severities = { critical: 12, high: 345, medium: 0, low: 0, unknown: 0 };
    server.work(async ({ analyzer }) => {
      if (analyzer === "dependency-track") throw new JobError("RegistryUnavailable", "down", { retryAfter: 3_600_000 });
      const findings = { coverage: "partial" as const, why: "one layer is encrypted", severities, packages: 1_234, fixable: 9 };
      return { analyses: [{ of: "output", id: "a", cached: false, state: "succeeded" }], notes: [], findings };
    });
    await using page = await live(await open(`${server.url}/`));
    await page.locator(".analyzers").getByText("to be retried").waitFor();
    await expect.poll(() => page.locator(".analyzers .findings").count()).toBe(2);
    const paths = ["/", `/jobs/${first.id}`];
    for (const path of paths) {
      await page.goto(server.url + path);
      for (const width of [1440, 1100, 820, 360]) {
        await page.setViewportSize({ width, height: 800 });
        const faults = await page.evaluate<
          string[]
        >(`[...document.querySelectorAll(".analyzers a, .analyzers .badge, .analyzers .findings")]
          .filter((part) => (!part.matches(".findings") && part.offsetHeight > 32) ||
            part.getBoundingClientRect().right > part.closest("td, #job").getBoundingClientRect().right)
          .map((part) => part.textContent)`);
        expect(faults, `${path} at ${width}`).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), path).toBeLessThanOrEqual(0);
      }
    }
  });

  it("takes text from outside for nothing but text, however long, and stays in its frame", async () => {
    await using server = await openPageServer({ namespaces: attacks, readBuildLog: async () => attacks.join("\n"), workers: 20 });
    await Promise.all(attacks.map((attack, number) => server.queue.add(hostileJob(attack, number))));
    server.work(async ({ trigger = "" }) => hostileResult(trigger));
    await server.queue.idle();
    const paths = ["/", ...attacks.map((attack, number) => `/jobs/${encodeURIComponent(hostileJob(attack, number).id)}?log=1`)];
    await using page = await open(`${server.url}/`);
    for (const path of paths) {
      await page.goto(server.url + path);
      await live(page);
      await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })");
      for (const viewport of [{ width: 1360, height: 900 }, phone]) {
        await page.setViewportSize(viewport);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), path).toBeLessThanOrEqual(0);
      }
      expect(await page.evaluate("window.hacked"), path).toBeUndefined();
    }
  });
});
