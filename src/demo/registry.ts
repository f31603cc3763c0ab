import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { type DemoImage, digestOf, manifestType } from "./images.ts";

/** A real docker-registry on the loopback. Disposing of it ends it and removes its storage. */
export interface DemoRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  push(repository: string, tag: string, image: DemoImage): Promise<void>;
}

/** The programs among these that are not on the path. */
export function missingPrograms(programs: readonly string[], path: string | undefined): readonly string[] {
  const directories = (path ?? "").split(delimiter);
  return programs.filter((program) => !directories.some((directory) => isExecutable(join(directory, program))));
}

/** Starts docker-registry with an empty storage and resolves when it listens. */
export async function startDemoRegistry(path: string | undefined): Promise<DemoRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-registry-"));
  const config = join(directory, "config.json");
  await writeFile(config, JSON.stringify(configuration(join(directory, "data"))));
  // In its own process group: Ctrl-C in a terminal must end the bot first, which can still be copying.
  const child = spawn("docker-registry", ["serve", config], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: path },
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const host = await listening(child.stderr, ended);
  return {
    host,
    async push(repository, tag, { manifest, blobs }) {
      const api = `http://${host}/v2/${repository}`;
      for (const blob of blobs) {
        const begun = await send(`${api}/blobs/uploads/`, { method: "POST" });
        await send(`${begun.headers.get("location")}&digest=${digestOf(blob)}`, { method: "PUT", body: blob });
      }
      await send(`${api}/manifests/${tag}`, { method: "PUT", body: manifest, headers: { "Content-Type": manifestType } });
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function configuration(rootdirectory: string): object {
  return {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory } },
    http: { addr: "127.0.0.1:0", secret: "demo" },
  };
}

function listening(output: NodeJS.ReadableStream, ended: Promise<void>): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: output }).on("line", (line) => {
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (host) resolve(host);
    });
    ended.then(() => reject(new Error("docker-registry ended before it listened")));
  });
}

async function send(
  url: string,
  request: { method: string; body?: Buffer; headers?: Record<string, string> },
): Promise<Response> {
  const { body, ...rest } = request;
  const response = await fetch(url, { ...rest, ...(body && { body: new Uint8Array(body) }) });
  if (!response.ok) throw new Error(`${request.method} ${url} answered ${response.status}`);
  return response;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
