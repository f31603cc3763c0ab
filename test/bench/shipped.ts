import { execFileSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageEnvironment } from "../support/dockerfile.ts";

/** The program as it lies in the image: compiled, next to its package.json and under its dependencies. Removed when it is disposed of. */
export interface ShippedProgram extends AsyncDisposable {
  readonly path: string;
  /** What the image sets. */
  readonly environment: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Compiles the sources as `npm run build` does, into a directory of its own. */
export async function compileShipped(): Promise<ShippedProgram> {
  await using opened = new AsyncDisposableStack();
  const directory = opened.adopt(await mkdtemp(join(root, "node_modules/.shipped-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const dist = join(directory, "dist");
  const compiler = join(root, "node_modules/.bin/tsc");
  execFileSync(compiler, ["-p", join(root, "tsconfig.build.json"), "--outDir", dist, "--noCheck"], { stdio: "inherit" });
  await cp(join(root, "src/server/assets"), join(dist, "server/assets"), { recursive: true });
  await cp(join(root, "package.json"), join(directory, "package.json"));
  const parts = opened.move();
  return {
    path: join(dist, "main.js"),
    environment: imageEnvironment(join(root, "Dockerfile")),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
