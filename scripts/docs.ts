// Writes the files that are generated from the table of settings.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConfigTemplate } from "../src/config/config-template.ts";
import { renderEnvExample, renderSettingsPage } from "../src/config/render.ts";

const files: Readonly<Record<string, string>> = {
  "../.env.example": renderEnvExample(),
  "../docs/settings.md": renderSettingsPage(),
  "../openshift/config.yaml": renderConfigTemplate(),
};

for (const [relative, text] of Object.entries(files)) {
  const path = fileURLToPath(new URL(relative, import.meta.url));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(path);
}
