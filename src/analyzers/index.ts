import type { PlannedAnalyzer } from "../core/jobs/job.ts";
import type { Analyzer } from "./analyzer.ts";
import { type CommandSettings, openCommand } from "./command.ts";
import { openDependencyTrack } from "./dependency-track.ts";
import { createDryRunAnalyzer } from "./dry-run.ts";
import { openHarborScanner } from "./harbor-scanner.ts";
import { bounded } from "./http/bounded.ts";
import type { EndedRequest } from "./http/http.ts";
import type { AnalyzerKind, AnalyzerParts, OpenedAnalyzer } from "./kind.ts";
import { createNoAnalyzer } from "./none.ts";
import { createPackagesAnalyzer } from "./packages.ts";
import { openQuay } from "./quay.ts";
import { openRhacs } from "./rhacs.ts";
import { openThoth } from "./thoth.ts";
import { openTrustify } from "./trustify.ts";

/** Every analyzer by its name in BUILD_WATCHER_ANALYZERS. Any other name is a command. */
const kinds = {
  none: { readsLogs: false, open: (_settings: object) => ({ analyzer: createNoAnalyzer() }) },
  packages: { readsLogs: false, open: openPackages },
  thoth: { readsLogs: true, open: openThoth },
  rhacs: { readsLogs: false, open: openRhacs },
  "dependency-track": { readsLogs: false, wantsDocuments: true, open: openDependencyTrack },
  trustify: { readsLogs: false, wantsDocuments: true, open: openTrustify },
  "harbor-scanner": { readsLogs: false, open: openHarborScanner },
  quay: { readsLogs: false, open: openQuay },
} as const;

type Kinds = typeof kinds;
/** The settings of all kinds together: each declares its own. */
type SettingsOfKinds = {
  readonly [Name in keyof Kinds]: (settings: Parameters<Kinds[Name]["open"]>[0]) => void;
}[keyof Kinds] extends (settings: infer Settings) => void
  ? Settings
  : never;

export type ChosenAnalyzers = SettingsOfKinds & {
  readonly analyzers: readonly string[];
  readonly commands: readonly CommandSettings[];
  readonly dryRun: boolean;
};

export interface AnalyzersParts extends Omit<AnalyzerParts, "onRequest"> {
  /** Told of every request of an analyzer's that ended. */
  readonly onRequest?: (analyzer: string, request: EndedRequest) => void;
}

/** What decides which jobs there are for the chosen analyzers. */
export function plannedAnalyzers(names: readonly string[]): readonly PlannedAnalyzer[] {
  return names.map((name) => ({ name, readsLogs: kindOf(name)?.readsLogs ?? false }));
}

/** Whether one of the chosen analyzers is given bills of materials. */
export function wantsDocuments(names: readonly string[], commands: readonly CommandSettings[]): boolean {
  const asks = ({ name, args }: CommandSettings) => names.includes(name) && args.some((argument) => argument.includes("{sbom}"));
  return names.some((name) => kindOf(name)?.wantsDocuments) || commands.some(asks);
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
  const told = { ...parts, ...(onRequest && { onRequest: (request: EndedRequest) => onRequest(name, request) }) };
  const { analyzer, ...opened } = kindOf(name)?.open(settings, told) ?? openCommand(commandOf(name, settings), told);
  return { ...opened, analyzer: bounded(analyzer) };
}

function openPackages(_settings: object, { reading }: AnalyzerParts): OpenedAnalyzer {
  if (!reading) throw new Error("The analyzer packages needs a way into images");
  return { analyzer: createPackagesAnalyzer(reading) };
}

function kindOf(name: string): AnalyzerKind<ChosenAnalyzers> | undefined {
  return Object.hasOwn(kinds, name) ? kinds[name as keyof Kinds] : undefined;
}

function commandOf(name: string, { commands }: ChosenAnalyzers): CommandSettings {
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) throw new Error(`There is no analyzer ${name}`);
  return command;
}
