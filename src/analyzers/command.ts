import { mkdir, open, realpath, rm } from "node:fs/promises";
import { sep } from "node:path";
import { type ChildExit, runChild } from "../children/child.ts";
import { type ChildFiles, type HostProcess, openRunDirectory, type RunDirectory } from "../children/run-directory.ts";
import type { Clock } from "../core/clock.ts";
import { formatAuthfile, secretsOf } from "../core/hosts/auth-file.ts";
import { noProxies, type Proxies } from "../core/hosts/proxy.ts";
import { fillImageTemplate, imageValues } from "../core/images/image-template.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import { redact } from "../core/redact.ts";
import { createTurns } from "../core/turns.ts";
import type { AnalysisImage, AnalysisRequest, Analyzer, Submission } from "./analyzer.ts";
import type { DocumentSource } from "./documents/documents.ts";
import { nothingToAnalyze } from "./documents/output-image.ts";
import type { AnalyzerParts, OpenedAnalyzer } from "./kind.ts";
import { readResult } from "./results/command-results.ts";
import { programOf } from "./results/programs.ts";

/** What an exit code means: all is well, something was found, the same may work later, this image is refused. */
export type ExitMeaning = "ok" | "findings" | "retry" | "refused";

export interface CommandSettings {
  readonly name: string;
  /** The program and its arguments, with the placeholders of core/images/image-template.ts and `commandPlaceholders`. */
  readonly args: readonly [string, ...string[]];
  /** By exit code. Default: 0 is `ok`, others are `retry`. */
  readonly exitCodes: Readonly<Record<string, ExitMeaning>>;
  /** The file in `{outdir}` that is read instead of the standard output. */
  readonly result?: string | undefined;
  /** Names of variables of the bot's own environment that the program gets. */
  readonly environment: readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

export interface CommandParts {
  /** The directory for files of running programs; opened when the first one runs. */
  readonly runs: () => Promise<RunDirectory>;
  readonly documents: DocumentSource;
  readonly host: HostProcess;
  readonly clock: Clock;
  /** Those that the bot itself goes through. Default: none. */
  readonly proxies?: Proxies | undefined;
}

/** Opens one of the commands of BUILD_WATCHER_COMMANDS_FILE. */
export function openCommand(
  settings: CommandSettings,
  { documents, host, clock, proxies, stateDirectory }: AnalyzerParts,
): OpenedAnalyzer {
  let opened: Promise<RunDirectory> | undefined;
  const runs = () => {
    opened ??= openRunDirectory(stateDirectory, host, clock, "command");
    return opened;
  };
  return {
    analyzer: createCommandAnalyzer(settings, { runs, documents, host, clock, proxies }),
    close: async () => (await opened)?.close(),
  };
}

/** Paths that exist as long as the program runs. */
const commandPlaceholders = ["sbom", "authfile", "outdir"] as const;

const passedOn = ["PATH", "TZ", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"];
const longestOutput = 16 * 1024 * 1024;
const longestWords = 1_000;

/**
 * Any program as an analyzer: started without a shell, with only named variables, its own home and a login for only this image's
 * registry, one at a time. Its output is read if it has a known form.
 */
export function createCommandAnalyzer(settings: CommandSettings, parts: CommandParts): Analyzer {
  const { name, args, timeout } = settings;
  const turns = createTurns();

  return {
    name,
    submit(request, signal) {
      const { output } = request;
      if (!output) return Promise.resolve(nothingToAnalyze(name));
      return turns.run(name, () => run(request, output, signal));
    },
    async discover() {
      await programOf(args[0], parts.host, name);
    },
  };

  async function run(request: AnalysisRequest, image: AnalysisImage, signal: AbortSignal): Promise<Submission> {
    signal.throwIfAborted();
    const program = await programOf(args[0], parts.host, name);
    const wantsDocument = args.some((argument) => argument.includes("{sbom}"));
    const document = wantsDocument ? await parts.documents.documentOf(image, { formats: ["cyclonedx"] }, signal) : undefined;
    const files = (await parts.runs()).create(filesFor(image, document?.text));
    try {
      await mkdir(files.path("out"), { mode: 0o700 });
      const values = { ...imageValues(image.reference, request), ...pathsIn(files) };
      const rest = args.slice(1).map((argument) => fillImageTemplate(argument, values));
      const child = { command: program, args: rest, environment: environmentFor(settings, parts, files), longestOutput };
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
      const exit = await runChild({ ...child, host: parts.host, clock: parts.clock }, deadline).catch(
        (error: NodeJS.ErrnoException) => {
          throw new JobError("AnalyzerFailed", `${name}: ${args[0]} could not be started (${error.code ?? error.message}).`);
        },
      );
      signal.throwIfAborted();
      if (deadline.aborted)
        throw new JobError(
          "AnalyzerFailed",
          `${name} did not end within ${timeout / 1_000} seconds and was ended: raise its timeout in BUILD_WATCHER_COMMANDS_FILE.`,
        );
      const submission = await judge(settings, values.image, exit, await resultOf(settings, exit, files), secretsOf(image.login));
      return { ...submission, notes: [...(document?.notes ?? []), ...submission.notes] };
    } finally {
      // A program may leave much behind.
      await rm(files.path(""), { recursive: true, force: true });
    }
  }
}

function filesFor({ reference, login }: AnalysisImage, document: string | undefined): Record<string, string> {
  return { "config.json": formatAuthfile(reference.registry, login), ...(document !== undefined && { "sbom.json": document }) };
}

function pathsIn(files: ChildFiles): Readonly<Record<(typeof commandPlaceholders)[number], string>> {
  return { sbom: files.path("sbom.json"), authfile: files.path("config.json"), outdir: files.path("out") };
}

/** The login is where docker's and podman's tools look for it. Their caches are removed with the home. */
function environmentFor(
  { environment }: CommandSettings,
  { host: { env }, proxies = noProxies }: CommandParts,
  files: ChildFiles,
): Record<string, string> {
  const given = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])));
  const home = files.path("");
  const own = { HOME: home, TMPDIR: files.path("out"), DOCKER_CONFIG: home, REGISTRY_AUTH_FILE: files.path("config.json") };
  return { ...given(passedOn), ...proxies.environment, ...given(environment), ...own };
}

/** The program's result; a file only if it is in the directory given to it. */
async function resultOf({ name, result }: CommandSettings, { stdout, isTooLong }: ChildExit, files: ChildFiles): Promise<string> {
  if (isTooLong) throw tooLong(name);
  if (result === undefined) return stdout;
  const directory = await realpath(files.path("out"));
  const path = await realpath(`${directory}${sep}${result}`).catch(() => undefined);
  if (!path?.startsWith(`${directory}${sep}`)) return "";
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size > longestOutput) throw tooLong(name);
  return file.readFile("utf8");
}

function tooLong(name: string): JobError {
  return new JobError(
    "AnalyzerProtocol",
    `${name} printed more than ${longestOutput / 1024 / 1024} MiB, more than is read of a result: let it print less.`,
  );
}

async function judge(
  { name, exitCodes }: CommandSettings,
  image: string,
  exit: ChildExit,
  result: string,
  secrets: readonly string[],
): Promise<Submission> {
  const { code, signal } = exit;
  const meaning = exitCodes[String(code)] ?? (code === 0 ? "ok" : "retry");
  const end = (text: string) => redact(text.slice(-4 * longestWords).trim(), secrets).slice(-longestWords);
  if (meaning === "retry" || meaning === "refused") {
    const words = end(exit.stderr) || end(exit.stdout);
    const how = code === null ? `was ended by ${signal}` : `failed with exit code ${code}`;
    throw new JobError(
      meaning === "retry" ? "AnalyzerFailed" : "AnalyzerRejected",
      `${name} ${how}${words ? `: ${words}` : "."}`,
    );
  }
  const findings = (await readResult(result)) ?? (meaning === "findings" ? uncounted(code) : undefined);
  const notes = findings ? [] : [end(result) || end(exit.stderr)].filter(Boolean).map((words) => `${name}: ${words}`);
  const analysis = { of: "output", id: image, cached: false, state: "succeeded" } as const;
  return { analyzer: name, analyses: [analysis], notes, ...(findings && { findings }) };
}

/** Something was found, but only the exit code says so. */
function uncounted(code: number | null): Findings {
  return { coverage: "partial", why: `exit code ${code} says that something was found, not how much`, policyViolations: 1 };
}
