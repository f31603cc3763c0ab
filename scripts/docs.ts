// Writes the files that are generated from the tables of settings, failure reasons and metrics.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConfigTemplate } from "../src/config/reference/config-template.ts";
import { renderEnvExample, renderSettingsPage } from "../src/config/reference/render.ts";
import { renderOperatePage } from "./operate-page.ts";

const files: Readonly<Record<string, string>> = {
  "../.env.example": renderEnvExample(),
  "../docs/settings.md": renderSettingsPage(),
  "../docs/operate.md": renderOperatePage(readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8")),
  "../openshift/config.yaml": renderConfigTemplate(),
};

for (const [relative, text] of Object.entries(files)) {
  const path = fileURLToPath(new URL(relative, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(path);
}
