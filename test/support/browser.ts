import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's Chromium, without anything that reaches out by itself. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Each context would start a process of its own, and so would each server: their ports differ.
      "--renderer-process-limit=1",
      "--disable-site-isolation-trials",
      // The address bar of each window, which nobody sees, would be a page of its own.
      "--disable-features=IsolateOrigins,site-per-process,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    ],
  });
}

/** What a page complained about: errors and warnings on its console, thrown errors, requests that failed, broken content security. */
export function watchComplaints(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  return complaints;
}

export type { Browser, BrowserContext, Page };
