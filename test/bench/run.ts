import { isWithinBound, type Measurement } from "./measurement.ts";

/** Shown as they come. */
type Measurements = Iterable<Measurement> | AsyncIterable<Measurement>;

/** Loaded when asked for, so that one chapter's parts do not weigh on another's figures. */
const chapters: Readonly<Record<string, () => Promise<Measurements>>> = {
  bot: async () => (await import("./bot.ts")).benchBot(),
  ledger: async () => (await import("./ledger.ts")).benchLedger(),
  database: async () => (await import("./database.ts")).benchDatabase(),
  copy: async () => (await import("./copy.ts")).benchCopy(),
  "packages/trivy": async () => (await import("./packages/against-trivy.ts")).benchAgainstTrivy(),
  "packages/memory": async () => [await (await import("./packages/memory.ts")).benchMemory()],
  "packages/store": async () => (await import("./packages/store.ts")).benchStore(),
  "packages/submissions": async () => [await (await import("./packages/submissions.ts")).benchSubmissions()],
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

/** `packages` names all of its sections. */
const namedBy = (name: string) => Object.keys(chapters).filter((chapter) => chapter === name || chapter.startsWith(`${name}/`));
const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(chapters);
const unknown = asked.filter((name) => namedBy(name).length === 0);
if (unknown.length > 0) {
  console.error(`There is no chapter ${unknown.join(", ")}; there are ${Object.keys(chapters).join(", ")}`);
  process.exit(2);
}
for (const chapter of asked.flatMap(namedBy)) {
  const since = performance.now();
  for await (const measurement of (await chapters[chapter]?.()) ?? []) {
    console.log(show(measurement));
    if (!isWithinBound(measurement)) process.exitCode = 1;
  }
  console.log(`(${chapter} took ${((performance.now() - since) / 1_000).toFixed(0)} s)`);
}
