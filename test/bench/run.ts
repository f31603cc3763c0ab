import { isWithinBound, type Measurement } from "./measurement.ts";

/** Loaded when asked for, so that one chapter's parts do not weigh on another's figures. */
const chapters: Readonly<Record<string, () => Promise<readonly Measurement[]>>> = {
  bot: async () => (await import("./bot.ts")).benchBot(),
  ledger: async () => (await import("./ledger.ts")).benchLedger(),
  database: async () => (await import("./database.ts")).benchDatabase(),
  copy: async () => (await import("./copy.ts")).benchCopy(),
  packages: async () => (await import("./packages/packages.ts")).benchPackages(),
  sources: async () => (await import("./sources.ts")).benchSources(),
  server: async () => (await import("./server.ts")).benchServer(),
};

function show(measurement: Measurement): string {
  const { name, ratio, bound, detail } = measurement;
  const limits = [
    ...(bound.min === undefined ? [] : [`at least ${bound.min}`]),
    ...(bound.max === undefined ? [] : [`at most ${bound.max}`]),
  ];
  const verdict = limits.length === 0 ? "no bound" : `${limits.join(", ")}: ${isWithinBound(measurement) ? "ok" : "NOT OK"}`;
  return `${name}: ${ratio.toFixed(2)} (${verdict}; ${detail})`;
}

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(chapters);
const unknown = asked.filter((chapter) => !chapters[chapter]);
if (unknown.length > 0) {
  console.error(`There is no chapter ${unknown.join(", ")}; there are ${Object.keys(chapters).join(", ")}`);
  process.exit(2);
}
for (const chapter of asked) {
  for (const measurement of (await chapters[chapter]?.()) ?? []) {
    console.log(show(measurement));
    if (!isWithinBound(measurement)) process.exitCode = 1;
  }
}
