import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

/** Which parts of src/ a part may import; a door's contract file is named where only that is allowed. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  telemetry: ["telemetry", "core"],
  config: ["config", "sources/index.ts", "core"],
  cluster: ["cluster", "core"],
  sources: ["sources", "cluster", "core"],
  network: ["network", "core"],
  children: ["children", "core"],
  registry: ["registry", "children", "network", "core"],
  postgres: ["postgres", "core"],
  inventory: ["inventory", "postgres", "core"],
  analyzers: ["analyzers", "children", "network", "core", "inventory/inventory.ts"],
  queue: ["queue", "postgres", "core"],
  notifications: ["notifications", "network", "core"],
  demo: ["demo", "core"],
  pipeline: [
    "pipeline",
    "core",
    "telemetry",
    "cluster/cluster.ts",
    "cluster/announcer.ts",
    "registry/image-copier.ts",
    "analyzers/analyzer.ts",
    "notifications/notifier.ts",
    "queue/job-queue.ts",
    "inventory/inventory.ts",
  ],
  server: ["server", "core", "telemetry", "cluster/cluster.ts", "queue/job-queue.ts", "inventory/inventory.ts"],
  app: [
    "app",
    "pipeline",
    "server",
    "cluster",
    "sources",
    "registry",
    "children",
    "analyzers",
    "inventory",
    "notifications",
    "postgres",
    "queue",
    "telemetry",
    "config",
    "core",
  ],
  cli: [
    "cli",
    "app",
    "pipeline",
    "server",
    "cluster",
    "sources",
    "registry",
    "children",
    "analyzers",
    "inventory",
    "postgres",
    "queue",
    "telemetry",
    "config",
    "core",
  ],
  "main.ts": ["cli"],
};

/** Each outside library behind its one door. */
const doors: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["cluster"],
  undici: ["cluster"],
  axios: ["analyzers", "notifications"],
  standardwebhooks: ["notifications"],
  "node:sqlite": ["queue", "inventory"],
  pg: ["postgres"],
  "node:worker_threads": ["inventory"],
  "p-queue": ["queue"],
  "node:child_process": ["children", "demo"],
  pino: ["telemetry"],
  "pino-pretty": ["telemetry"],
  "prom-client": ["telemetry"],
  commander: ["cli"],
  yaml: ["config", "cluster"],
  express: ["server"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const imports: readonly Import[] = globSync("src/**/*.ts").flatMap((path) => {
  const file = normalize(path).slice("src/".length);
  const source = readFileSync(path, "utf8");
  const targets = [
    ...source.matchAll(/^(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|^import\s+"([^"]+)"/gm),
  ];
  return targets.map((match) => ({ file, target: match[1] ?? match[2] ?? match[3] ?? "" }));
});

function partOf(file: string): string {
  return file.split("/")[0] ?? file;
}

function localTarget({ file, target }: Import): string {
  return normalize(join(dirname(file), target));
}

function packageOf(target: string): string {
  return target.startsWith("@") ? target.split("/").slice(0, 2).join("/") : (target.split("/")[0] ?? target);
}

/** Every way that leads back to its file, each once. */
function circles(): readonly string[] {
  const targets = new Map<string, string[]>();
  for (const entry of imports.filter(({ target }) => target.startsWith(".")))
    targets.set(entry.file, [...(targets.get(entry.file) ?? []), localTarget(entry)]);
  const cleared = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      found.push([...way.slice(way.indexOf(file)), file].join(" > "));
      return;
    }
    if (cleared.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...way, file]);
    cleared.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}

describe("the architecture", () => {
  it("is read from the source at all", () => {
    expect(imports.length).toBeGreaterThan(50);
  });

  it("lets imports go in one direction only", () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith("."))
      .filter((entry) => {
        const target = localTarget(entry);
        if (entry.file === "cli/commands/demo.ts" && partOf(target) === "demo") return false;
        return !(mayImport[partOf(entry.file)] ?? []).some((allowed) => target === allowed || partOf(target) === allowed);
      })
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("has no circle of files that import each other", () => {
    expect(circles()).toEqual([]);
  });

  it("keeps every outside library behind its door", () => {
    const wrong = imports
      .filter(({ target }) => !target.startsWith("."))
      .filter(({ file, target }) => {
        const owners = doors[packageOf(target)];
        if (owners) return !owners.includes(partOf(file));
        return !target.startsWith("node:");
      })
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("keeps core pure: of Node it takes the hash function alone", () => {
    const wrong = imports.filter(
      ({ file, target }) => partOf(file) === "core" && !target.startsWith(".") && target !== "node:crypto",
    );
    expect(wrong).toEqual([]);
  });

  it("lets only the start of a program or thread touch its process", () => {
    const starts = ["main.ts", "children/starter.ts", "inventory/reading/reader-thread.ts"].map((path) => join("src", path));
    const wrong = globSync("src/**/*.ts").filter((path) => {
      const source = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      return /(?<![.\w])process\.|from "node:process"/.test(source) && !starts.includes(path);
    });
    expect(wrong).toEqual([]);
  });

  it("does without Intl, which takes 7 MB as soon as it is used", () => {
    const wrong = globSync("src/**/*.ts").filter((path) => {
      const source = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      return /\bIntl\.|\.toLocale\w*\(|\.localeCompare\(/.test(source);
    });
    expect(wrong).toEqual([]);
  });
});

it("a server of a test catches what its handler throws later: it would end the whole run", () => {
  const helper = join("test", "support", "http-server.ts");
  const paths = globSync("test/**/*.ts", { exclude: ["test/bench/**", "test/soak/**"] });
  const wrong = paths.filter((path) => path !== helper && /createServer\(\s*async\b/.test(readFileSync(path, "utf8")));
  expect(wrong).toEqual([]);
});
