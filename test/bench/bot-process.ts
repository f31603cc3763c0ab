import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeKubeconfig } from "../support/kubeconfig.ts";
import { compiledEnvironment } from "./remote.ts";
import type { ShippedProgram } from "./shipped.ts";

export interface BotProcessSettings {
  readonly cluster: string;
  readonly analysis?: string;
  readonly namespace: string;
  readonly flags: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Started in place of the sources, with what its image sets. */
  readonly shipped?: Pick<ShippedProgram, "path" | "environment">;
}

/** The bot in a process of its own with a ledger of its own; its log goes to a file. */
export interface BotProcess extends AsyncDisposable {
  /** The answer to a question that only a running bot can bring about; rejects with the end of the log when it ends before. */
  whileItRuns<T>(answer: Promise<T>): Promise<T>;
  /** VmRSS in bytes. */
  residentMemory(): Promise<number>;
}

const sources = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export async function startBotProcess({
  cluster,
  analysis,
  namespace,
  flags,
  environment,
  shipped,
}: BotProcessSettings): Promise<BotProcess> {
  await using opened = new AsyncDisposableStack();
  const directory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-bench-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const kubeconfig = opened.adopt(await writeKubeconfig({ server: cluster, namespace }), (file) => file.remove());
  const logFile = join(directory, "log");
  const log = opened.use(await open(logFile, "w"));
  const child = spawn(process.execPath, [shipped?.path ?? sources, ...flags], {
    cwd: directory,
    env: {
      ...kubeconfig.environment,
      ...(shipped?.environment ?? { NODE_COMPILE_CACHE: compiledEnvironment.NODE_COMPILE_CACHE }),
      ...(analysis !== undefined && { THOTH_USER_API_HOST: analysis }),
      BUILD_WATCHER_STATE_DIR: join(directory, "state"),
      BUILD_WATCHER_SERVER: "0",
      ...environment,
    },
    stdio: ["ignore", log.fd, "inherit"],
  });
  const ended = once(child, "exit");
  opened.defer(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  const parts = opened.move();

  return {
    whileItRuns: (answer) => Promise.race([answer, ended.then(() => failWith(logFile))]),
    async residentMemory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function failWith(logFile: string): Promise<never> {
  throw new Error(`The bot ended: ${(await readFile(logFile, "utf8")).slice(-2_000)}`);
}
