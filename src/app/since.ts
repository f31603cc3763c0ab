import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseSince } from "../core/since.ts";

/**
 * The time (ms) before which builds are left alone. `now` and durations are seen from the bot's first start with this setting, which is kept in
 * its state directory: what ends while the bot is down is no old build. Undefined without the setting.
 */
export async function sinceWhen(text: string | undefined, directory: string, now: number): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const path = join(directory, "since.json");
  const known = await readFile(path, "utf8").then(readKnown, () => undefined);
  if (known?.text === text) return known.since;
  const since = parseSince(text, now);
  await writeFile(path, JSON.stringify({ text, since }), { mode: 0o600 });
  return since;
}

function readKnown(json: string): { readonly text: string; readonly since: number } | undefined {
  try {
    const { text, since } = JSON.parse(json);
    return typeof text === "string" && typeof since === "number" ? { text, since } : undefined;
  } catch {
    return undefined;
  }
}
