import { parseSince } from "../core/builds/since.ts";
import type { Marks } from "../queue/job-queue.ts";

const mark = "since.json";

/**
 * The time (ms) before which builds are left alone. `now` and durations are seen from the first start with this setting, which the queue's storage
 * keeps for every bot on it: what ends while no bot runs is no old build. Undefined without the setting.
 */
export async function sinceWhen(text: string | undefined, marks: Marks, now: number): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const since = parseSince(text, now);
  const ours = JSON.stringify({ text, since });
  const known = readKnown(await marks.first(mark, ours));
  if (known?.text === text) return known.since;
  await marks.write(mark, ours);
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
