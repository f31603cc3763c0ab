// Writes the files that are generated from the tables of settings, failure reasons, metrics and build systems.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConfigTemplate } from "../src/config/reference/config-template.ts";
import { renderEnvExample, renderSettingsPage } from "../src/config/reference/render.ts";
import { renderOperatePage } from "./operate-page.ts";
import { renderRbacTemplates } from "./rbac-template.ts";
import { renderSourcesPage } from "./sources-page.ts";

const read = (relative: string) => readFileSync(new URL(relative, import.meta.url), "utf8");
const rbac = Object.entries(renderRbacTemplates()).map(([file, text]) => [`../openshift/${file}`, text]);

const files: Readonly<Record<string, string>> = {
  "../.env.example": renderEnvExample(),
  "../docs/settings.md": renderSettingsPage(),
  "../docs/operate.md": renderOperatePage(read("../docs/operate.md")),
  "../docs/sources.md": renderSourcesPage(read("../docs/sources.md")),
  "../openshift/config.yaml": renderConfigTemplate(),
  ...Object.fromEntries(rbac),
};

for (const [relative, text] of Object.entries(files)) {
  const path = fileURLToPath(new URL(relative, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(path);
}
