import type { Screen } from "./screen.ts";

/** Tells the demo's story: what happens in the cluster, and what the bot does about it, a line each. */
export interface Narrator {
  /** An event of the story. */
  readonly tell: (line: string) => void;
  /** Takes a line of the bot's own log, and prints it if it is of interest. */
  readonly hear: (line: string) => void;
  /** Where the bot's page is, once it said so. */
  readonly pageUrl: () => string | undefined;
}

type Line = Readonly<Record<string, unknown>>;

export function createNarrator(screen: Pick<Screen, "write" | "writeRaw" | "paint">): Narrator {
  let url: string | undefined;
  const told = new Set<string>();
  const tell = (line: string) => screen.writeRaw(`${screen.paint("strong", "▶")} ${line}\n`);
  return {
    tell,
    hear(text) {
      const line = JSON.parse(text) as Line;
      if (typeof line.url === "string") {
        url = line.url;
        tell(`Open the bot's page: ${url}`);
        return;
      }
      const words = wordsOf(line);
      if (words === undefined || told.has(words)) return;
      told.add(words);
      screen.write(`    bot: ${words.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1…")}\n`);
    },
    pageUrl: () => url,
  };
}

/** By the log's own messages; others that are no warning are the bot's daily business. */
const tellings: Readonly<Record<string, (line: Line) => string>> = {
  "Job done": ({ analyzer, subject }) =>
    analyzer === "packages" ? `looked for packages in ${subject}` : `submitted ${subject} to Thoth`,
  "Job failed": ({ subject, reason, error }) => `gave up ${subject} (${reason}): ${error}`,
  "Analysis succeeded": ({ subject }) => `the analysis of ${subject} succeeded`,
  "Builds listed; watching": () => "listed the builds, now watching",
};

function wordsOf(line: Line): string | undefined {
  const message = String(line.msg);
  const telling = tellings[message];
  if (telling) return telling(line);
  if (line.level !== "warn" && line.level !== "error" && line.level !== "fatal") return undefined;
  const subject = line.subject === undefined ? "" : ` (${line.subject}${line.reason === undefined ? "" : `, ${line.reason}`})`;
  return `${message}${subject}`;
}
