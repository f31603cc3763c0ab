import type { PlannedAnalyzer } from "../core/job.ts";
import type { Analyzer } from "./analyzer.ts";
import { bounded } from "./bounded.ts";
import { createDryRunAnalyzer } from "./dry-run.ts";
import type { EndedRequest } from "./http.ts";
import type { AnalyzerKind, AnalyzerParts, AnalyzerSettings, OpenedAnalyzer } from "./kind.ts";
import { createNoAnalyzer } from "./none.ts";
import { createPackagesAnalyzer } from "./packages.ts";
import { openThoth } from "./thoth.ts";

/** Every analyzer by the name that BUILD_WATCHER_ANALYZERS knows it by. */
const kinds: Readonly<Record<string, AnalyzerKind>> = {
  none: { readsLogs: false, open: () => ({ analyzer: createNoAnalyzer() }) },
  packages: { readsLogs: false, open: openPackages },
  thoth: { readsLogs: true, open: openThoth },
};

export interface ChosenAnalyzers extends AnalyzerSettings {
  readonly analyzers: readonly string[];
  readonly dryRun: boolean;
}

export interface AnalyzersParts extends Omit<AnalyzerParts, "onRequest"> {
  /** Told of every request of an analyzer's that ended. */
  readonly onRequest?: (analyzer: string, request: EndedRequest) => void;
}

/** What decides which jobs there are for the chosen analyzers. */
export function plannedAnalyzers(names: readonly string[]): readonly PlannedAnalyzer[] {
  return names.map((name) => ({ name, readsLogs: kindOf(name).readsLogs }));
}

/** The chosen analyzers; in a dry run such as submit nothing. Throws `SetupError` when one cannot be opened as it is set up. */
export function openAnalyzers(
  settings: ChosenAnalyzers,
  parts: AnalyzersParts,
): AsyncDisposable & { readonly analyzers: readonly Analyzer[] } {
  const opened = settings.analyzers.map((name) => openAnalyzer(name, settings, parts));
  return {
    analyzers: opened.map(({ analyzer }) => analyzer),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(({ close }) => close?.()));
    },
  };
}

function openAnalyzer(name: string, settings: ChosenAnalyzers, { onRequest, ...parts }: AnalyzersParts): OpenedAnalyzer {
  if (settings.dryRun) return { analyzer: createDryRunAnalyzer(name) };
  const told = onRequest && { onRequest: (request: EndedRequest) => onRequest(name, request) };
  const { analyzer, ...opened } = kindOf(name).open(settings, { ...parts, ...told });
  return { ...opened, analyzer: bounded(analyzer) };
}

function openPackages(_settings: AnalyzerSettings, { reading }: AnalyzerParts): OpenedAnalyzer {
  if (!reading) throw new Error("The analyzer packages needs a way into images");
  return { analyzer: createPackagesAnalyzer(reading) };
}

function kindOf(name: string): AnalyzerKind {
  const kind = kinds[name];
  if (!kind) throw new Error(`There is no analyzer ${name}`);
  return kind;
}
